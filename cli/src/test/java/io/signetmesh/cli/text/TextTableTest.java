package io.signetmesh.cli.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TextTableTest {
  @Test
  void alignsColumnsAndLeavesNoBlanksAtTheEnd() {
    TextTable table = new TextTable("A", "LONG", "C");
    table.row(List.of("first", "x", ""));
    table.row(List.of("2", "longer", "end"));
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    table.print(writer);
    writer.flush();
    assertThat(out.toString().lines())
        .containsExactly("A      LONG    C", "first  x", "2      longer  end");
  }

  @Test
  void refusesARowOfAnotherWidth() {
    TextTable table = new TextTable("A", "B");
    assertThatIllegalArgumentException().isThrownBy(() -> table.row(List.of("1")));
  }
}
