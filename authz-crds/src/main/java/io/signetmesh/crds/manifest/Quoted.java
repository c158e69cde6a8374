package io.signetmesh.crds.manifest;

/** Values from manifests as messages show them: on one line and of bounded length. */
final class Quoted {
  private static final int MAX = 120;

  private Quoted() {}

  static String text(String value) {
    StringBuilder shown = new StringBuilder("\"");
    int end = Math.min(value.length(), MAX);
    for (int i = 0; i < end; i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"', '\\' -> shown.append('\\').append(c);
        case '\n' -> shown.append("\\n");
        case '\t' -> shown.append("\\t");
        default -> {
          if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
            shown.append("\\u%04x".formatted((int) c));
          } else {
            shown.append(c);
          }
        }
      }
    }
    return shown.append(value.length() > MAX ? "...\"" : "\"").toString();
  }
}
