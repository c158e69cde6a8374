package io.signetmesh.rego;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Instructions of a module, checked before anything is built from them. Accepted are those of
 * WebAssembly 1.0 and the sign extensions. Others do in one step what takes any time, or reach what
 * is not put back between decisions.
 *
 * <p>Compilers keep the types of all operands and variables at each branch. So the sum of these
 * over all branches of a module is bounded, too.
 */
final class CodeCheck {
  /** Bytes of a function. */
  static final int MAX_FUNCTION = 128 << 10;

  /** Instructions of a module; each target of a {@code br_table} is one more. */
  static final int MAX_INSTRUCTIONS = 500_000;

  /**
   * Branches of a module: beginnings and ends of blocks, each target of what leaves one, and both
   * ways of what has two.
   */
  static final int MAX_BRANCHES = 100_000;

  /** Operands on the stack of a function. */
  static final int MAX_OPERANDS = 1_000;

  /** Blocks within one another. */
  static final int MAX_NESTING = 500;

  /** Operands and variables, summed up over all branches of a module. */
  static final int MAX_BRANCH_STATE = 4_000_000;

  private static final int EMPTY = 0x40;

  private final Signature[] types;
  private final Signature[] functions;
  private int instructions;
  private int branches;
  private long branchState;

  /** Numbers of values. */
  record Signature(int parameters, int results) {}

  /**
   * @param base operands that are not the block's own
   * @param results operands that the block leaves
   * @param dead whether the block is never reached
   */
  private record Block(int base, int results, boolean function, boolean dead) {}

  /**
   * @param functions by number, those that are imported first
   */
  CodeCheck(Signature[] types, Signature[] functions) {
    this.types = types;
    this.functions = functions;
  }

  /** Operands and variables of all branches so far. */
  long branchState() {
    return branchState;
  }

  int instructions() {
    return instructions;
  }

  int branches() {
    return branches;
  }

  /**
   * Checks one function.
   *
   * @param body its instructions, from the first to the last
   * @param variables words of its parameters and variables
   */
  void function(ByteReader body, int variables, Signature signature) throws InvalidRegoException {
    new Function(body, variables).check(signature);
  }

  private final class Function {
    private final ByteReader in;
    private final int variables;
    private final Deque<Block> blocks = new ArrayDeque<>();
    private int operands;
    private boolean unreachable;

    private Function(ByteReader in, int variables) {
      this.in = in;
      this.variables = variables;
    }

    private void check(Signature signature) throws InvalidRegoException {
      blocks.push(new Block(0, signature.results(), true, false));
      while (!blocks.isEmpty()) {
        count(1);
        instruction(in.octet());
      }
      in.done();
    }

    private void instruction(int code) throws InvalidRegoException {
      switch (code) {
        case 0x00 -> {
          branch(1);
          leave();
        }
        case 0x01 -> {}
        case 0x02, 0x03 -> enter();
        case 0x04 -> {
          pop(1);
          enter();
        }
        case 0x05 -> {
          branch(1);
          Block block = blocks.element();
          if (block.function()) {
            throw in.broken("an else without if");
          }
          operands = block.base();
          unreachable = false;
        }
        case 0x0b -> {
          branch(1);
          Block block = blocks.pop();
          operands = block.base();
          unreachable = block.dead();
          push(block.results());
        }
        case 0x0c -> {
          label();
          branch(1);
          leave();
        }
        case 0x0d -> {
          label();
          pop(1);
          branch(2);
        }
        case 0x0e -> {
          pop(1);
          int targets = in.count(MAX_INSTRUCTIONS, "targets of a branch") + 1;
          count(targets);
          branch(targets);
          for (int i = 0; i < targets; i++) {
            label();
          }
          leave();
        }
        case 0x0f -> {
          branch(1);
          leave();
        }
        case 0x10 -> call(signature(functions, "function"));
        case 0x11 -> {
          Signature type = signature(types, "type");
          in.expect(0);
          pop(1);
          call(type);
        }
        default -> value(code);
      }
    }

    /** Instructions that stay in their block. */
    private void value(int code) throws InvalidRegoException {
      if (code == 0x1a) {
        pop(1);
      } else if (code == 0x1b) {
        // It is compiled to a jump over the operand that is not selected.
        branch(2);
        apply(3, 1);
      } else if (code >= 0x20 && code <= 0x24) {
        in.number();
        switch (code) {
          case 0x20, 0x23 -> push(1);
          case 0x22 -> apply(1, 1);
          default -> pop(1);
        }
      } else if (code >= 0x28 && code <= 0x3e) {
        in.number();
        in.skipNumber();
        apply(code <= 0x35 ? 1 : 2, code <= 0x35 ? 1 : 0);
      } else if (code == 0x3f || code == 0x40) {
        in.expect(0);
        apply(code == 0x3f ? 0 : 1, 1);
      } else if (code >= 0x41 && code <= 0x44) {
        constant(code);
        push(1);
      } else if (code >= 0x45 && code <= 0xc4) {
        apply(unary(code) ? 1 : 2, 1);
      } else {
        throw new InvalidRegoException(
            "policy.wasm has the instruction 0x%02x, which is not of WebAssembly 1.0"
                .formatted(code));
      }
    }

    private void constant(int code) throws InvalidRegoException {
      switch (code) {
        case 0x41 -> in.signed(5);
        case 0x42 -> in.signed(10);
        case 0x43 -> in.skip(4);
        default -> in.skip(8);
      }
    }

    private void enter() throws InvalidRegoException {
      int type = in.octet();
      if (type != EMPTY && (type < 0x7c || type > 0x7f)) {
        throw in.broken("a block of type 0x%02x, which is not of WebAssembly 1.0".formatted(type));
      }
      branch(1);
      if (blocks.size() > MAX_NESTING) {
        throw new InvalidRegoException(
            "policy.wasm has more than %,d blocks within one another".formatted(MAX_NESTING));
      }
      blocks.push(new Block(operands, type == EMPTY ? 0 : 1, false, unreachable));
      unreachable = false;
    }

    private void leave() {
      operands = blocks.element().base();
      unreachable = true;
    }

    private void label() throws InvalidRegoException {
      if (in.number() >= blocks.size()) {
        throw in.broken("a branch to no block");
      }
    }

    private void call(Signature signature) throws InvalidRegoException {
      apply(signature.parameters(), signature.results());
    }

    private Signature signature(Signature[] all, String what) throws InvalidRegoException {
      int number = in.number();
      if (number >= all.length) {
        throw in.broken("%s %d is not there".formatted(what, number));
      }
      return all[number];
    }

    private void apply(int popped, int pushed) throws InvalidRegoException {
      pop(popped);
      push(pushed);
    }

    private void pop(int count) throws InvalidRegoException {
      int own = operands - blocks.element().base();
      if (count > own && !unreachable) {
        throw in.broken("an instruction without its operands");
      }
      operands -= Math.min(count, own);
    }

    private void push(int count) throws InvalidRegoException {
      operands += count;
      if (operands > MAX_OPERANDS) {
        throw new InvalidRegoException(
            "a function of policy.wasm has more than %,d operands on its stack"
                .formatted(MAX_OPERANDS));
      }
    }

    private void count(int more) throws InvalidRegoException {
      instructions += more;
      if (instructions > MAX_INSTRUCTIONS) {
        throw new InvalidRegoException(
            "policy.wasm has more than %,d instructions".formatted(MAX_INSTRUCTIONS));
      }
    }

    private void branch(int targets) throws InvalidRegoException {
      branches += targets;
      if (branches > MAX_BRANCHES) {
        throw new InvalidRegoException(
            "policy.wasm has more than %,d branches".formatted(MAX_BRANCHES));
      }
      branchState += (long) targets * (operands + variables + 1);
      if (branchState > MAX_BRANCH_STATE) {
        throw new InvalidRegoException(
            "policy.wasm has more than %,d operands and variables, summed up over its branches"
                .formatted(MAX_BRANCH_STATE));
      }
    }
  }

  private static boolean unary(int code) {
    return code == 0x45
        || code == 0x50
        || (code >= 0x67 && code <= 0x69)
        || (code >= 0x79 && code <= 0x7b)
        || (code >= 0x8b && code <= 0x91)
        || (code >= 0x99 && code <= 0x9f)
        || code >= 0xa7;
  }
}
