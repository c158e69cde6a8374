package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.dylibso.chicory.wasm.Parser;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class WasmFileTest {
  private static byte[] module() {
    return TestBundles.module("answers");
  }

  @Test
  void modulesOfOpaAreAccepted() throws InvalidRegoException {
    WasmFile file = WasmFile.read(module());
    assertThat(file.memoryPages()).isBetween(1, 16);
    assertThat(Parser.parse(file.plain()).codeSection().functionBodyCount())
        .isEqualTo(Parser.parse(file.hollow()).codeSection().functionBodyCount())
        .isPositive();
    assertThat(Parser.parse(file.hollow()).startSection()).isPresent();
    assertThat(Parser.parse(file.still()).startSection()).isEmpty();
    assertThat(file.hollow().length).isLessThan(file.plain().length / 2);
  }

  @Test
  void otherImportsAreRefusedByName() {
    assertRefused(imports("env", "opa_println", 0), "imports env.opa_println");
    assertRefused(imports("env", "memory", 0), "imports env.memory");
    assertRefused(
        imports("wasi_snapshot_preview1", "fd_write", 0),
        "imports wasi_snapshot_preview1.fd_write: expected memory, opa_abort");
  }

  private static byte[] imports(String module, String name, int kind) {
    return TestModule.withSection(
        module(),
        2,
        section -> {
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          TestModule.number(out, 1);
          for (String text : new String[] {module, name}) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            TestModule.number(out, bytes.length);
            out.writeBytes(bytes);
          }
          out.write(kind);
          out.write(0);
          return out.toByteArray();
        });
  }

  @Test
  void memoriesOfItsOwnAreRefused() {
    assertRefused(section(5, 1, 0, 1), "policy.wasm has 1 memories of its own, at most 0");
  }

  @Test
  void largeTablesAreRefused() {
    assertRefused(section(4, 1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 7), "table of 2,147,483,647");
    assertRefused(section(4, 2, 0x70, 0, 1, 0x70, 0, 1), "2 tables, at most 1");
    assertRefused(section(4, 1, 0x6f, 0, 1), "expected 0x70, found 0x6f");
  }

  @Test
  void countsThatDoNotFitAreRefused() {
    assertRefused(section(1, 0xff, 0xff, 0xff, 0xff, 7), "2,147,483,647 types, at most 1,000");
    assertRefused(section(1, 100, 0x60), "100 types do not fit");
    assertRefused(section(1, 1, 0x60, 65), "65 parameters of a function, at most 64");
    assertRefused(section(1, 1, 0x60, 0, 2), "2 results of a function, at most 1");
    assertRefused(section(1, 0xff, 0xff, 0xff, 0xff, 0x7f), "is too large");
    assertRefused(section(1, 0x80, 0x80, 0x80, 0x80, 0x80, 1), "longer than 5 bytes");
    assertRefused(section(6, 101), "101 globals, at most 100");
    assertRefused(section(9, 1, 0, 0x41, 0, 0x0b, 0xff, 0xff, 1), "32,767 elements of a table");
    assertRefused(section(11, 1, 1, 0), "expected 0x00, found 0x01");
  }

  @Test
  void manyLocalVariablesAreRefused() {
    assertRefused(
        TestModule.withFunction(module(), "eval", new byte[] {1, -1, -1, 15, 0x7f, 0, 0x0b}),
        "more than 100,000 local variables");
  }

  @Test
  void manyLocalVariablesOfOneFunctionAreRefused() {
    // 6,000 of i64.
    assertRefused(
        TestModule.withFunction(module(), "eval", new byte[] {1, -16, 46, 0x7e, 0, 0x0b}),
        "a function of policy.wasm has more than 10,000 words of local variables");
  }

  @Test
  void listsOfAModuleAreCounted() throws Exception {
    // 100 elements, all of them function 0, from place 0.
    byte[] elements = new byte[106];
    System.arraycopy(new byte[] {1, 0, 0x41, 0, 0x0b, 100}, 0, elements, 0, 6);

    assertThat(WasmFile.read(TestModule.withSection(module(), 9, section -> elements)).listBytes())
        .isGreaterThanOrEqualTo(100 * 100L);
  }

  @Test
  void sectionsOutOfOrderAreRefused() {
    byte[] module = Arrays.copyOf(module(), module().length + 3);
    module[module.length - 3] = 1;
    module[module.length - 2] = 1;
    assertRefused(module, "no such section is expected here");
    module[module.length - 3] = 13;
    assertRefused(module, "no such section is expected here");
  }

  @Test
  void truncatedModulesAreRefused() {
    byte[] module = module();
    for (int length = 0; length < module.length; length += 1 + length / 9) {
      byte[] cut = Arrays.copyOf(module, length);
      assertThatThrownBy(() -> TestBundles.code(TestBundles.bundleOf(cut)))
          .as("%d bytes", length)
          .isInstanceOf(InvalidRegoException.class);
    }
  }

  @Test
  void memoryThatIsTooLargeFromTheStartIsRefused() {
    byte[] module = TestModule.withMemoryPages(module(), 30_000);
    assertThatThrownBy(() -> TestBundles.code(TestBundles.bundleOf(module)))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining("begins with 30,000 pages of memory, at most 1,024");
  }

  private static byte[] section(int id, int... octets) {
    byte[] bytes = new byte[octets.length];
    for (int i = 0; i < octets.length; i++) {
      bytes[i] = (byte) octets[i];
    }
    return TestModule.withSection(module(), id, section -> bytes);
  }

  private static void assertRefused(byte[] module, String error) {
    assertThatThrownBy(() -> WasmFile.read(module))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(error);
  }
}
