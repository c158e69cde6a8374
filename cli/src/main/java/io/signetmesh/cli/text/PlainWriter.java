package io.signetmesh.cli.text;

import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;

/**
 * What a command prints of things that others wrote: manifests, case files, answers of proxies.
 * Characters that a terminal obeys are shown as their escapes, whatever the command forgets; line
 * feeds stay, so whoever puts foreign text on a line uses {@link PlainText} too.
 */
public final class PlainWriter extends PrintWriter {
  /** Prints to another writer. */
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
