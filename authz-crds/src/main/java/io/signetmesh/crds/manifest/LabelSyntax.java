package io.signetmesh.crds.manifest;

import io.signetmesh.crds.schema.TextFormat;
import java.util.regex.Pattern;

/** Syntax of labels and of the keys of annotations. */
final class LabelSyntax {
  static final String KEY_DESCRIPTION =
      "up to 63 letters, digits, '-', '_' or '.', with an optional DNS prefix and '/'";
  static final String VALUE_DESCRIPTION =
      "up to 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit";

  private static final Pattern NAME =
      Pattern.compile("(?=.{1,63}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");

  private LabelSyntax() {}

  static boolean isKey(String key) {
    int slash = key.indexOf('/');
    return slash < 0
        ? NAME.matcher(key).matches()
        : TextFormat.SUBDOMAIN.matches(key.substring(0, slash))
            && NAME.matcher(key.substring(slash + 1)).matches();
  }

  static boolean isValue(String value) {
    return value.isEmpty() || NAME.matcher(value).matches();
  }
}
