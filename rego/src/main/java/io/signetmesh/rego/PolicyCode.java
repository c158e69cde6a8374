package io.signetmesh.rego;

import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.CompiledModule;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Machine;
import com.dylibso.chicory.wasm.ChicoryException;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.styra.opa.wasm.OpaWasm_ModuleExports;
import java.io.IOException;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A bundle, compiled to byte code of the Java virtual machine. Those who ask for the same bundle
 * share it. Immutable.
 */
final class PolicyCode {
  /** Pages of 64 KiB that any policy may have. */
  static final int MOST_PAGES = 1024;

  /** CPU time of the policy's own start and of taking its data, in nanoseconds. */
  private static final long SET_UP = TimeUnit.SECONDS.toNanos(2);

  private static final int MOST_LIST = 256 << 10;

  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Bytes that the code of all policies of a process may take outside of the heap. A proxy has 64
   * MiB there, and ends without.
   */
  static final long MOST_CODE = 16 << 20;

  /** About what a function takes outside of the heap beyond its bytes in policy.wasm. */
  private static final int FUNCTION = 1 << 10;

  /** Bundles are compiled one at a time. */
  private static final Object COMPILING = new Object();

  private static final long COLLECT_EVERY = TimeUnit.SECONDS.toNanos(10);
  private static final AtomicLong collected = new AtomicLong(System.nanoTime() - COLLECT_EVERY);

  private static final Map<String, Known> known = new HashMap<>();

  private static final ReferenceQueue<PolicyCode> unused = new ReferenceQueue<>();

  /** Bundles that were compiled. */
  private static final AtomicLong compilations = new AtomicLong();

  static {
    // A class whose first use overflows a stack is unusable from then on.
    Sprintf.format(
        RegoInputWriter.string("%s %v %d %f %x %X %q %5.1f"),
        "[\"a\", [1, {\"b\": null}], 7, 1.5, 10, 10, \"q\", 2.5]".getBytes(StandardCharsets.UTF_8));
    AnswerReader.read(
        "[{\"result\":{\"allow\":false,\"reason\":\"a\"}}]".getBytes(StandardCharsets.UTF_8));
    Policy.failed(new IllegalStateException("%,d".formatted(1_000)));
  }

  private final WasmModule module;
  private final Function<Instance, Machine> machines;
  private final int memoryPages;
  private final Map<String, Integer> entrypoints;
  private final int sprintf;
  private final PolicyImage image;
  private final long size;

  private PolicyCode(WasmFile file, byte[] data, int mostPages, MemoryBudget.Share budget)
      throws InvalidRegoException {
    memoryPages = file.memoryPages();
    size = size(file);
    compilations.incrementAndGet();
    try {
      machines = machines(file.plain());
      module = Parser.parse(file.still());
    } catch (RuntimeException | LinkageError | StackOverflowError e) {
      throw invalid("policy.wasm cannot be compiled", e);
    }
    byte[] whole = file.hollow();
    Watchdog.Run run = Watchdog.SHARED.begin(SET_UP);
    try {
      // Two instances: what one has done to tell its lists is not in the image.
      PolicyMemory first = new PolicyMemory(memoryPages, mostPages, budget);
      try {
        OpaWasm_ModuleExports exports =
            exports(instance(Parser.parse(whole), new PolicyBuiltins(first, -1)));
        entrypoints = list(first, exports.opaJsonDump(exports.entrypoints()), "entry points");
        sprintf = sprintf(list(first, exports.opaJsonDump(exports.builtins()), "built-ins"));
      } catch (RuntimeException | LinkageError | StackOverflowError | OutOfMemoryError e) {
        throw setUp(first, e);
      } finally {
        first.release();
      }
      PolicyMemory second = new PolicyMemory(memoryPages, mostPages, budget);
      try {
        Instance instance = instance(Parser.parse(whole), new PolicyBuiltins(second, -1));
        image = image(data, second, instance, exports(instance));
      } catch (RuntimeException | LinkageError | StackOverflowError | OutOfMemoryError e) {
        throw setUp(second, e);
      } finally {
        second.release();
      }
    } catch (MemoryBudget.ExhaustedException e) {
      throw new InvalidRegoException("the policy cannot be set up: " + e.getMessage(), true);
    } finally {
      Watchdog.SHARED.end(run);
    }
  }

  private static InvalidRegoException setUp(PolicyMemory memory, Throwable cause) {
    if (cause instanceof MemoryBudget.ExhaustedException exhausted) {
      throw exhausted;
    }
    return memory.exhausted()
        ? new InvalidRegoException("the policy cannot be set up: it wants too much memory", true)
        : invalid("the policy cannot be set up", cause);
  }

  /** That a policy has more memory than it may have, before it is asked. */
  static String tooLarge(int pages, int mostPages) {
    return "the policy needs %,d bytes of memory before it is asked, and may have %,d"
        .formatted(
            (long) pages * PolicyMemory.PAGE_SIZE, (long) mostPages * PolicyMemory.PAGE_SIZE);
  }

  /**
   * Compiles a bundle, which takes some 100 ms, or finds it compiled or refused.
   *
   * @param mostPages pages of 64 KiB that it may have while it is set up
   * @param budget what its image is taken from for as long as the code is in use
   * @throws InvalidRegoException when it is no policy that can run here
   */
  static PolicyCode of(byte[] bundle, int mostPages, MemoryBudget.Share budget)
      throws InvalidRegoException {
    String digest = digest(bundle);
    String asked = digest + ' ' + mostPages;
    PolicyCode code = known(digest, asked);
    if (code != null) {
      return code;
    }
    byte[] data;
    WasmFile file;
    try {
      BundleArchive.Content content = BundleArchive.read(bundle);
      data = content.data();
      file = WasmFile.read(content.module());
      if (file.memoryPages() > mostPages) {
        throw new InvalidRegoException(tooLarge(file.memoryPages(), mostPages));
      }
    } catch (InvalidRegoException e) {
      throw Refusals.SHARED.keep(asked, e);
    }
    if (!hasRoom(file)) {
      collect();
    }
    synchronized (COMPILING) {
      code = known(digest, asked);
      if (code != null) {
        return code;
      }
      if (!hasRoom(file)) {
        throw new InvalidRegoException(
            "the policy does not fit beside those that are there: together they take more than"
                + " %,d bytes of code (bytes of policy.wasm, and %,d for each function)"
                    .formatted(MOST_CODE, FUNCTION),
            true);
      }
      long heap = file.heapBytes();
      try {
        budget.need(heap);
        code = made(file, data, mostPages, budget);
      } catch (MemoryBudget.ExhaustedException e) {
        throw Refusals.SHARED.keep(
            asked,
            new InvalidRegoException("the policy cannot be parsed: " + e.getMessage(), true));
      } catch (InvalidRegoException e) {
        throw Refusals.SHARED.keep(asked, e);
      }
      synchronized (known) {
        known.put(digest, new Known(digest, code, heap, budget));
      }
      return code;
    }
  }

  /** The code, or what was taken for it is given back. */
  private static PolicyCode made(
      WasmFile file, byte[] data, int mostPages, MemoryBudget.Share budget)
      throws InvalidRegoException {
    boolean isMade = false;
    try {
      PolicyCode code = new PolicyCode(file, data, mostPages, budget);
      isMade = true;
      return code;
    } finally {
      if (!isMade) {
        budget.give(file.heapBytes());
      }
    }
  }

  private static long size(WasmFile file) {
    return file.plain().length + (long) file.bodies() * FUNCTION + file.listBytes();
  }

  /** Code that is compiled already; null when it is not. */
  private static @Nullable PolicyCode known(String digest, String asked)
      throws InvalidRegoException {
    synchronized (known) {
      Known reference = known.get(digest);
      PolicyCode code = reference != null ? reference.get() : null;
      if (code != null) {
        return code;
      }
    }
    Refusals.SHARED.check(asked);
    return null;
  }

  /** What nobody has any more is known until the next collection. Nobody waits for this one. */
  private static void collect() {
    long last = collected.get();
    long now = System.nanoTime();
    if (now - last >= COLLECT_EVERY && collected.compareAndSet(last, now)) {
      System.gc();
    }
  }

  private static boolean hasRoom(WasmFile file) {
    releaseUnused();
    synchronized (known) {
      return inUse() + size(file) <= MOST_CODE;
    }
  }

  private static long inUse() {
    long bytes = 0;
    for (Known code : known.values()) {
      bytes += code.get() != null ? code.size : 0;
    }
    return bytes;
  }

  /** Gives back the memory of the code that nobody has any more. */
  static void releaseUnused() {
    for (Reference<?> code = unused.poll(); code != null; code = unused.poll()) {
      if (code instanceof Known gone) {
        synchronized (known) {
          known.remove(gone.digest, gone);
        }
        gone.budget.give(gone.heap);
      }
    }
  }

  /** Code for as long as somebody has it, and what it takes. */
  private static final class Known extends WeakReference<PolicyCode> {
    private final String digest;
    private final MemoryBudget.Share budget;
    private final long size;
    private final long heap;

    private Known(String digest, PolicyCode code, long parsed, MemoryBudget.Share budget) {
      super(code, unused);
      this.digest = digest;
      this.budget = budget;
      size = code.size;
      heap = parsed + code.image.memory().size();
    }
  }

  /** How many bundles this process has compiled. */
  static long compilations() {
    return compilations.get();
  }

  /** Hexadecimal SHA-256. */
  static String digest(byte[] bundle) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bundle));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** The number of a rule by its path. */
  Map<String, Integer> entrypoints() {
    return entrypoints;
  }

  PolicyImage image() {
    return image;
  }

  /**
   * Makes an instance, without running any of the policy's code: it begins as the image is.
   *
   * @param mostPages pages of memory that it may have, not less than those of {@link #image}
   * @throws MemoryBudget.ExhaustedException when the budget has too little
   */
  PolicyInstance instance(int mostPages, MemoryBudget.Share budget) {
    PolicyMemory memory = PolicyMemory.of(image.memory(), memoryPages, mostPages, budget);
    try {
      PolicyBuiltins builtins = new PolicyBuiltins(memory, sprintf);
      Instance instance = instance(module, builtins);
      OpaWasm_ModuleExports exports = new OpaWasm_ModuleExports(instance);
      builtins.exports(exports);
      return new PolicyInstance(image, memory, instance, exports);
    } catch (RuntimeException | Error e) {
      memory.release();
      throw e;
    }
  }

  private static Function<Instance, Machine> machines(byte[] wasm) {
    WasmModule module = Parser.parse(wasm);
    // Compiled code does not need what it was compiled from.
    CompiledModule compiled =
        (CompiledModule)
            MachineFactoryCompiler.builder(module)
                .withInterpreterFallback(InterpreterFallback.FAIL)
                .compile();
    return compiled.machineFactory();
  }

  private Instance instance(WasmModule module, PolicyBuiltins builtins) {
    return Instance.builder(module)
        .withImportValues(builtins.toImportValues())
        .withMachineFactory(machines)
        .withStart(false)
        .build();
  }

  private static OpaWasm_ModuleExports exports(Instance instance) throws InvalidRegoException {
    OpaWasm_ModuleExports exports;
    try {
      exports = new OpaWasm_ModuleExports(instance);
    } catch (ChicoryException e) {
      throw invalid("policy.wasm is no policy", e);
    }
    long major = exports.opaWasmAbiVersion().getValue();
    long minor = exports.opaWasmAbiMinorVersion().getValue();
    if (major != 1 || minor < 2 || minor > 3) {
      throw new InvalidRegoException(
          "policy.wasm has version %d.%d of Open Policy Agent's interface, expected 1.2 or 1.3"
              .formatted(major, minor));
    }
    return exports;
  }

  private static Map<String, Integer> list(PolicyMemory memory, int address, String things)
      throws InvalidRegoException {
    byte[] json = memory.text(address, MOST_LIST);
    if (json == null) {
      throw new InvalidRegoException(
          "the list of %s has more than %,d bytes".formatted(things, MOST_LIST));
    }
    Map<String, Integer> list = new TreeMap<>();
    try (JsonParser in = JSON.createParser(json)) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("it is no object");
      }
      for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
        in.nextToken();
        list.put(name, in.getIntValue());
      }
    } catch (IOException e) {
      throw new InvalidRegoException("the list of %s is broken".formatted(things));
    }
    return list;
  }

  private static int sprintf(Map<String, Integer> builtins) throws InvalidRegoException {
    for (String name : builtins.keySet()) {
      if (!name.equals(PolicyBuiltins.SPRINTF)) {
        throw new InvalidRegoException(
            ("the policy calls %s, which is not there: of the built-in functions that Open Policy"
                    + " Agent does not compile, only sprintf is")
                .formatted(PrintableText.of(name, 60)));
      }
    }
    return builtins.getOrDefault(PolicyBuiltins.SPRINTF, -1);
  }

  private static PolicyImage image(
      byte[] json, PolicyMemory memory, Instance instance, OpaWasm_ModuleExports exports)
      throws InvalidRegoException {
    int address = exports.opaHeapPtrGet();
    int end = address + json.length + 15 & -16;
    int missing = end - memory.pages() * PolicyMemory.PAGE_SIZE;
    if (missing > 0 && memory.grow((missing - 1) / PolicyMemory.PAGE_SIZE + 1) < 0) {
      throw new InvalidRegoException("data.json does not fit into memory");
    }
    memory.write(address, json, 0, json.length);
    exports.opaHeapPtrSet(end);
    int data = exports.opaJsonParse(address, json.length);
    if (data == 0) {
      throw new InvalidRegoException("data.json of the bundle is no JSON");
    }
    int heap = exports.opaHeapPtrGet() + 15 & -16;
    long[] globals = new long[instance.globalCount()];
    for (int i = 0; i < globals.length; i++) {
      globals[i] = instance.global(i).getValue();
    }
    return new PolicyImage(memory.snapshot(), globals, heap, data);
  }

  private static InvalidRegoException invalid(String what, Throwable cause) {
    String message = cause.getMessage() != null ? cause.getMessage() : cause.toString();
    return new InvalidRegoException(what + ": " + PrintableText.of(message, 200));
  }
}
