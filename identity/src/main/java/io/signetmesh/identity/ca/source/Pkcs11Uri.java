package io.signetmesh.identity.ca.source;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The URI of a key in a PKCS#11 token (RFC 7512). Exactly these attributes are used: {@code token}
 * and {@code object} in the path, {@code module-path} and {@code pin-source} in the query. A {@code
 * pin-value} is refused: PINs belong in files of mode 0600.
 */
final class Pkcs11Uri {
  static final String SCHEME = "pkcs11:";

  private static final String FILE = "file:";
  private static final Set<String> ATTRIBUTES =
      Set.of("token", "object", "module-path", "pin-source");
  private static final int MAX_LENGTH = 2048;

  private Pkcs11Uri() {}

  /**
   * Reads a URI.
   *
   * @throws IllegalArgumentException when an attribute is missing, unknown or there twice, or a
   *     path is not absolute
   */
  static Pkcs11Token.Config parse(String uri) {
    if (!uri.startsWith(SCHEME) || uri.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "expected a PKCS#11 URI of at most " + MAX_LENGTH + " characters");
    }
    String rest = uri.substring(SCHEME.length());
    int query = rest.indexOf('?');
    Map<String, String> found = new LinkedHashMap<>();
    read(query < 0 ? rest : rest.substring(0, query), ";", found);
    read(query < 0 ? "" : rest.substring(query + 1), "&", found);
    String pin = required("pin-source", found);
    return new Pkcs11Token.Config(
        absolute("module-path", required("module-path", found)),
        required("token", found),
        absolute("pin-source", pin.startsWith(FILE) ? pin.substring(FILE.length()) : pin),
        required("object", found));
  }

  private static String required(String name, Map<String, String> found) {
    String value = found.get(name);
    if (value == null) {
      throw new IllegalArgumentException("PKCS#11 URI: attribute " + name + " is missing");
    }
    return value;
  }

  private static void read(String text, String separator, Map<String, String> found) {
    if (text.isEmpty()) {
      return;
    }
    for (String part : text.split(separator, -1)) {
      int equals = part.indexOf('=');
      String name = equals < 0 ? part : part.substring(0, equals);
      // Names only: a value may be a PIN.
      if (equals < 0 || !ATTRIBUTES.contains(name)) {
        throw new IllegalArgumentException(
            "PKCS#11 URI: attribute '"
                + printable(name)
                + "': expected token, object, module-path and pin-source");
      }
      // In a path, + is a plus sign: only forms write blanks that way.
      String value =
          URLDecoder.decode(part.substring(equals + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
      if (found.put(name, value) != null) {
        throw new IllegalArgumentException("PKCS#11 URI: attribute " + name + " is there twice");
      }
    }
  }

  private static String printable(String name) {
    return name.replaceAll("[^a-z0-9-]", "?").substring(0, Math.min(name.length(), 32));
  }

  private static Path absolute(String name, String value) {
    Path path = Path.of(value);
    if (!path.isAbsolute()) {
      throw new IllegalArgumentException(
          "PKCS#11 URI: " + name + " '" + value + "': expected an absolute path");
    }
    return path;
  }

  /** The URI of a key. */
  static String format(Pkcs11Token.Config config) {
    return SCHEME
        + "token="
        + encode(config.token())
        + ";object="
        + encode(config.keyLabel())
        + "?module-path="
        + encode(config.library().toAbsolutePath().toString())
        + "&pin-source="
        + FILE
        + encode(config.pinFile().toAbsolutePath().toString());
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("%2F", "/");
  }
}
