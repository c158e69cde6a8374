package io.signetmesh.cli.text;

import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Prints rows in aligned columns, two spaces apart. The last column is not padded. */
public final class TextTable {
  private final List<List<String>> rows = new ArrayList<>();
  private final int columns;

  /** Creates a table with these headings. */
  public TextTable(String... headings) {
    this.columns = headings.length;
    rows.add(List.of(headings));
  }

  /** Adds a row, with one cell per heading. Cells are escaped with {@link PlainText}. */
  public void row(List<String> cells) {
    if (cells.size() != columns) {
      throw new IllegalArgumentException(cells.size() + " cells: expected " + columns);
    }
    rows.add(cells.stream().map(PlainText::of).toList());
  }

  /** Prints the headings and rows. */
  public void print(PrintWriter out) {
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        line.append(row.get(i));
        line.repeat(' ', i == columns - 1 ? 0 : widths[i] - row.get(i).length() + 2);
      }
      out.println(line.toString().stripTrailing());
    }
  }
}
