package io.signetmesh.cli.text;

import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;

/**
 * Prints untrusted text: manifests, case files, answers of proxies. Characters that control a
 * terminal become escapes. Line feeds are kept, so text that must stay on one line needs {@link
 * PlainText}, too.
 */
public final class PlainWriter extends PrintWriter {
  /** Prints to another writer, and flushes it after each line. */
  public PlainWriter(PrintWriter out) {
    super(out, true);
  }

  @Override
  public void write(String text, int offset, int length) {
    String plain = PlainText.linesOf(text.substring(offset, offset + length));
    super.write(plain, 0, plain.length());
  }

  @Override
  public void write(int character) {
    write(String.valueOf((char) character), 0, 1);
  }

  @Override
  public void write(char[] text, int offset, int length) {
    write(new String(text, offset, length), 0, length);
  }
}
