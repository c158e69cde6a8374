package io.signetmesh.rego;

import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.wasm.types.MutabilityType;
import com.styra.opa.wasm.OpaWasm_ModuleExports;

/**
 * A policy with its own memory. Each decision begins with the same memory and the same variables,
 * whatever the decisions before it have left. For one thread at a time.
 */
final class PolicyInstance {
  private static final int MOST_RESULT = 64 << 10;

  private final PolicyImage image;
  private final PolicyMemory memory;
  private final Instance instance;
  private final OpaWasm_ModuleExports exports;

  PolicyInstance(
      PolicyImage image, PolicyMemory memory, Instance instance, OpaWasm_ModuleExports exports) {
    this.image = image;
    this.memory = memory;
    this.instance = instance;
    this.exports = exports;
    globals();
  }

  /** Bytes of memory. */
  int size() {
    return memory.size();
  }

  /** What its memory holds. */
  byte[] memory() {
    return memory.readBytes(0, memory.pages() * PolicyMemory.PAGE_SIZE);
  }

  /** Whether the last decision asked for more memory than there may be. */
  boolean exhausted() {
    return memory.exhausted();
  }

  /**
   * Results of a rule, as JSON.
   *
   * @param input a JSON document
   * @throws RuntimeException when the policy ends by an error
   */
  byte[] evaluate(int entrypoint, byte[] input) {
    int address = image.heap();
    int heap = address + input.length + 15 & -16;
    int missing = heap - memory.pages() * PolicyMemory.PAGE_SIZE;
    if (missing > 0 && memory.grow((missing - 1) / PolicyMemory.PAGE_SIZE + 1) < 0) {
      throw new IllegalStateException("there is no memory for the input");
    }
    memory.write(address, input, 0, input.length);
    exports.opaHeapPtrSet(heap);
    int value = exports.opaJsonParse(address, input.length);
    if (value == 0) {
      throw new IllegalStateException("the policy does not understand its input");
    }
    int context = exports.opaEvalCtxNew();
    exports.opaEvalCtxSetInput(context, value);
    exports.opaEvalCtxSetData(context, image.data());
    exports.opaEvalCtxSetEntrypoint(context, entrypoint);
    int code = exports.eval(context);
    if (code != 0) {
      throw new IllegalStateException("the policy ended with code " + code);
    }
    byte[] results =
        memory.text(exports.opaJsonDump(exports.opaEvalCtxGetResult(context)), MOST_RESULT);
    if (results == null) {
      throw new IllegalStateException("the policy came to more than 65536 bytes");
    }
    return results;
  }

  /** Puts everything back to what each decision begins with. */
  void restore() {
    memory.restore(image.memory());
    globals();
  }

  /** Gives up its memory. It must not be used any more. */
  void discard() {
    memory.release();
  }

  private void globals() {
    long[] values = image.globals();
    for (int i = 0; i < values.length; i++) {
      if (instance.global(i).getMutabilityType() == MutabilityType.Var) {
        instance.global(i).setValue(values[i]);
      }
    }
  }
}
