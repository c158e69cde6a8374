package io.signetmesh.rego;

import com.dylibso.chicory.runtime.Memory;
import com.styra.opa.wasm.OpaWasm_Env;
import com.styra.opa.wasm.OpaWasm_ModuleExports;
import com.styra.opa.wasm.OpaWasm_ModuleImports;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What a policy can call outside of itself: to give up, and the built-in functions that Open Policy
 * Agent leaves to the host. Of these there is only {@code sprintf}: it knows nothing but its
 * arguments.
 */
final class PolicyBuiltins implements OpaWasm_ModuleImports, OpaWasm_Env {
  static final String SPRINTF = "sprintf";

  private static final int MOST_ARGUMENT = 64 << 10;
  private static final int MOST_MESSAGE = 1 << 10;

  /** The policy has given up. The message is its own. */
  static final class AbortException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private AbortException(String message) {
      super(message, null, false, false);
    }
  }

  private final PolicyMemory memory;
  private final int sprintf;
  private @Nullable OpaWasm_ModuleExports exports;

  /**
   * @param sprintf the number by which the policy calls {@code sprintf}; -1 when it does not
   */
  PolicyBuiltins(PolicyMemory memory, int sprintf) {
    this.memory = memory;
    this.sprintf = sprintf;
  }

  /** Has to be called before the policy calls a built-in function. */
  void exports(OpaWasm_ModuleExports exports) {
    this.exports = exports;
  }

  @Override
  public OpaWasm_Env env() {
    return this;
  }

  @Override
  public Memory memory() {
    return memory;
  }

  @Override
  public void opaAbort(int message) {
    byte[] text = memory.text(message, MOST_MESSAGE);
    throw new AbortException(text != null ? new String(text, StandardCharsets.UTF_8) : "");
  }

  @Override
  public int opaBuiltin0(int id, int context) {
    throw unknown(id, 0);
  }

  @Override
  public int opaBuiltin1(int id, int context, int a) {
    throw unknown(id, 1);
  }

  @Override
  public int opaBuiltin2(int id, int context, int a, int b) {
    OpaWasm_ModuleExports policy = exports;
    if (id != sprintf || policy == null) {
      throw unknown(id, 2);
    }
    String text = Sprintf.format(argument(policy, a), argument(policy, b));
    return write(policy, RegoInputWriter.string(text));
  }

  @Override
  public int opaBuiltin3(int id, int context, int a, int b, int c) {
    throw unknown(id, 3);
  }

  @Override
  public int opaBuiltin4(int id, int context, int a, int b, int c, int d) {
    throw unknown(id, 4);
  }

  private byte[] argument(OpaWasm_ModuleExports policy, int value) {
    byte[] json = memory.text(policy.opaJsonDump(value), MOST_ARGUMENT);
    if (json == null) {
      throw new IllegalArgumentException("sprintf got more than 65536 bytes");
    }
    return json;
  }

  private int write(OpaWasm_ModuleExports policy, byte[] json) {
    int address = policy.opaMalloc(json.length);
    memory.write(address, json, 0, json.length);
    return policy.opaJsonParse(address, json.length);
  }

  private static IllegalStateException unknown(int id, int arguments) {
    return new IllegalStateException(
        "it calls built-in function %d with %d arguments, which it has not announced"
            .formatted(id, arguments));
  }
}
