package io.signetmesh.crds.text;

/** Quotes values from manifests in messages: in quotes, on one line and of bounded length. */
public final class Quoted {
  private static final int MAX = 120;

  private Quoted() {}

  /** The text in quotes, cut after 120 characters. */
  public static String text(String value) {
    int end = value.length();
    if (end > MAX) {
      end = Character.isLowSurrogate(value.charAt(MAX)) ? MAX - 1 : MAX;
    }
    StringBuilder shown = new StringBuilder("\"");
    for (int i = 0; i < end; i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"', '\\' -> shown.append('\\').append(c);
        case '\n' -> shown.append("\\n");
        case '\t' -> shown.append("\\t");
        default -> shown.append(c);
      }
    }
    return PlainText.of(shown.append(end < value.length() ? "...\"" : "\"").toString());
  }
}
