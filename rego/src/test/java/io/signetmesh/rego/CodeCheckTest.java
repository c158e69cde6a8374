package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import org.junit.jupiter.api.Test;

/** Modules of little size that take much to compile. */
class CodeCheckTest {
  /** i32.const 0, drop, block, end, end of a function. */
  private static final int[] CONST = {0x41, 0};

  private static final int DROP = 0x1a;
  private static final int[] BLOCK = {0x02, 0x40};
  private static final int NOP = 0x01;
  private static final int END = 0x0b;

  @Test
  void modulesOfOpaAreFarFromTheLimits() throws Exception {
    WasmFile.read(TestBundles.module("regex"));
    assertThat(TestBundles.module("regex").length).isGreaterThan(300_000);
  }

  @Test
  void manyOperandsAreRefused() {
    assertRefused(
        function(0, code -> code.many(1_001, CONST).many(1_001, DROP)),
        "a function of policy.wasm has more than 1,000 operands");
  }

  @Test
  void manyBlocksOverManyOperandsAreRefused() {
    assertRefused(
        function(0, code -> code.many(900, CONST).many(3_000, 0x02, 0x40, END).many(900, DROP)),
        "more than 4,000,000 operands and variables, summed up over its branches");
  }

  @Test
  void manyBranchesOverManyOperandsAreRefused() {
    // block, then many times i32.const 0, br_if 0
    assertRefused(
        function(
            0,
            code ->
                code.many(900, CONST)
                    .many(1, BLOCK)
                    .many(5_000, 0x41, 0, 0x0d, 0)
                    .many(1, END)
                    .many(900, DROP)),
        "summed up over its branches");
    // A table of 6,000 targets.
    assertRefused(
        function(
            0,
            code ->
                code.many(900, CONST)
                    .many(1, BLOCK)
                    .many(1, 0x41, 0, 0x0e, 0xf0, 0x2e)
                    .many(6_001, 0)
                    .many(1, END)
                    .many(900, DROP)),
        "summed up over its branches");
  }

  @Test
  void manyBlocksOverManyVariablesAreRefused() {
    assertRefused(
        function(9_000, code -> code.many(300, 0x02, 0x40, END)), "summed up over its branches");
  }

  @Test
  void manySelectionsOverManyVariablesAreRefused() {
    // Three times i32.const 0, select, drop: compiled to jumps.
    assertRefused(
        function(9_000, code -> code.many(300, 0x41, 0, 0x41, 0, 0x41, 0, 0x1b, DROP)),
        "summed up over its branches");
  }

  @Test
  void deepNestingIsRefused() {
    assertRefused(
        function(0, code -> code.many(501, BLOCK).many(501, END)),
        "more than 500 blocks within one another");
  }

  @Test
  void largeFunctionsAreRefused() {
    assertRefused(
        function(0, code -> code.many(140_000, NOP)),
        "a function of 140,002 bytes, at most 131,072 are accepted");
  }

  @Test
  void manyInstructionsAreRefused() {
    byte[] body = body(0, code -> code.many(100_000, NOP));
    assertRefused(module(0, body, body, body, body, body), "more than 500,000 instructions");
  }

  @Test
  void manyBranchesAreRefused() {
    byte[] body = body(0, code -> code.many(25_000, 0x02, 0x40, END));
    assertRefused(module(0, body, body), "more than 100,000 branches");
  }

  @Test
  void equalTypesAreRefused() {
    byte[] module = module(1_000, body(0, code -> code));
    assertRefused(module, "two equal types of functions");
  }

  @Test
  void codeThatIsNeverReachedIsAccepted() {
    // unreachable, block, end, i32.add, drop; only the memory is missing then.
    assertRefused(
        function(0, code -> code.many(1, 0x00, 0x02, 0x40, END, 0x6a, DROP)),
        "does not import env.memory");
  }

  @Test
  void instructionsWithoutTheirOperandsAreRefused() {
    assertRefused(function(0, code -> code.many(1, DROP)), "an instruction without its operands");
    assertRefused(function(0, code -> code.many(1, 0x05)), "an else without if");
    assertRefused(function(0, code -> code.many(1, 0x0c, 1)), "a branch to no block");
    assertRefused(function(0, code -> code.many(1, 0x10, 7)), "function 7 is not there");
    assertRefused(function(0, code -> code.many(1, END, NOP)), "2 bytes are left over");
    assertRefused(function(0, code -> code.many(1, BLOCK)), "it is cut off");
    assertRefused(function(0, code -> code.many(1, 0x02, 0)), "a block of type 0x00");
    assertRefused(function(0, code -> code.many(1, 0xfc, 11)), "the instruction 0xfc");
  }

  private interface Writer {
    Code write(Code code);
  }

  private static final class Code {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Code many(int times, int... octets) {
      for (int i = 0; i < times; i++) {
        for (int octet : octets) {
          out.write(octet);
        }
      }
      return this;
    }
  }

  private static byte[] body(int variables, Writer writer) {
    Code code = new Code();
    code.out.write(variables == 0 ? 0 : 1);
    if (variables > 0) {
      TestModule.number(code.out, variables);
      code.out.write(0x7f);
    }
    writer.write(code);
    code.out.write(END);
    return code.out.toByteArray();
  }

  private static byte[] function(int variables, Writer writer) {
    return module(0, body(variables, writer));
  }

  /** A module of functions without parameters and results. */
  private static byte[] module(int moreTypes, byte[]... bodies) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0, 'a', 's', 'm', 1, 0, 0, 0});
    ByteArrayOutputStream types = new ByteArrayOutputStream();
    TestModule.number(types, Math.max(1, moreTypes));
    for (int i = 0; i < Math.max(1, moreTypes); i++) {
      types.writeBytes(new byte[] {0x60, 0, 0});
    }
    TestModule.section(out, 1, types.toByteArray());
    ByteArrayOutputStream functions = new ByteArrayOutputStream();
    TestModule.number(functions, bodies.length);
    functions.writeBytes(new byte[bodies.length]);
    TestModule.section(out, 3, functions.toByteArray());
    ByteArrayOutputStream code = new ByteArrayOutputStream();
    TestModule.number(code, bodies.length);
    for (byte[] body : bodies) {
      TestModule.number(code, body.length);
      code.writeBytes(body);
    }
    TestModule.section(out, 10, code.toByteArray());
    return out.toByteArray();
  }

  private static void assertRefused(byte[] module, String error) {
    assertThatThrownBy(() -> WasmFile.read(module))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(error);
  }
}
