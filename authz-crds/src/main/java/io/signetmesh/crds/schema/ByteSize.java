package io.signetmesh.crds.schema;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes of memory as Kubernetes writes them: {@code 16Mi}, {@code 512Ki}, {@code 1048576}. */
public final class ByteSize {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,10})(Ki|Mi|Gi)?");

  private ByteSize() {}

  /**
   * Parses a size.
   *
   * @return bytes
   * @throws IllegalArgumentException when the text is not a size
   */
  public static long parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException("\"" + text + "\" is not a size such as 16Mi or 512Ki");
    }
    String unit = form.group(2) == null ? "" : form.group(2);
    return Long.parseLong(form.group(1))
        << switch (unit) {
          case "Ki" -> 10;
          case "Mi" -> 20;
          case "Gi" -> 30;
          default -> 0;
        };
  }
}
