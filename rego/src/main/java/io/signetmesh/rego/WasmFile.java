package io.signetmesh.rego;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The sections of a WebAssembly module, checked before anything is built from them. Accepted is
 * what Open Policy Agent writes: WebAssembly 1.0, one imported memory and at most one table. Counts
 * are bounded, so that no list is larger than the file. Instructions are checked by {@link
 * CodeCheck}.
 */
final class WasmFile {
  private static final int MAX_TYPES = 1_000;
  private static final int MAX_FUNCTIONS = 10_000;
  private static final int MAX_PARAMETERS = 64;
  private static final int MAX_GLOBALS = 100;
  private static final int MAX_EXPORTS = 1_000;
  private static final int MAX_SEGMENTS = 10_000;
  private static final int MAX_TABLE = 10_000;
  private static final int MAX_LOCALS = 100_000;

  /** Words of the parameters and variables of a function; those of 64 bits have two. */
  private static final int MAX_FUNCTION_WORDS = 10_000;

  /** Heap of an element of a table, once it is parsed. */
  private static final int ELEMENT_BYTES = 100;

  /** Heap of a place in a table, and of a parameter. */
  private static final int PLACE_BYTES = 16;

  /** Heap of a function without its instructions. */
  private static final int BODY_BYTES = 256;

  private static final int START = 8;
  private static final int DATA = 11;
  private static final int I32_CONST = 0x41;
  private static final int I64 = 0x7e;
  private static final int F64 = 0x7c;
  private static final int UNREACHABLE = 0x00;
  private static final int END = 0x0b;

  private static final Set<String> FUNCTIONS =
      Set.of(
          "opa_abort",
          "opa_builtin0",
          "opa_builtin1",
          "opa_builtin2",
          "opa_builtin3",
          "opa_builtin4");

  private final ByteArrayOutputStream plain = new ByteArrayOutputStream();
  private final ByteArrayOutputStream hollow = new ByteArrayOutputStream();
  private final ByteArrayOutputStream still = new ByteArrayOutputStream();
  private final List<CodeCheck.Signature> types = new ArrayList<>();
  private final List<CodeCheck.Signature> functions = new ArrayList<>();
  private int importedFunctions;
  private int memoryPages = -1;
  private int locals;
  private int elements;
  private int table;
  private int parameters;

  private WasmFile() {}

  static WasmFile read(byte[] module) throws InvalidRegoException {
    WasmFile file = new WasmFile();
    ByteReader in = new ByteReader(module, 0, module.length, "its header");
    for (int octet : new int[] {0, 'a', 's', 'm', 1, 0, 0, 0}) {
      in.expect(octet);
      file.plain.write(octet);
      file.hollow.write(octet);
      file.still.write(octet);
    }
    int last = 0;
    while (in.more()) {
      int id = in.octet();
      int size = in.number();
      int from = in.position();
      ByteReader section = in.range(size, "section " + id);
      if (id == 0) {
        continue;
      }
      int order = id == 12 ? 95 : id * 10;
      if (id > 12 || order <= last) {
        throw section.broken("no such section is expected here");
      }
      last = order;
      file.section(id, section);
      section.done();
      file.copy(id, module, from, size);
    }
    if (file.memoryPages < 0) {
      throw new InvalidRegoException(
          "policy.wasm does not import env.memory: build it by opa build -t wasm");
    }
    return file;
  }

  /** The module without custom sections. */
  byte[] plain() {
    return plain.toByteArray();
  }

  /** The module without custom sections, and with nothing in its functions. */
  byte[] hollow() {
    return hollow.toByteArray();
  }

  /** The same as {@link #hollow}, without a function to start with and without data. */
  byte[] still() {
    return still.toByteArray();
  }

  /** Pages of 64 KiB that its memory has to begin with. */
  int memoryPages() {
    return memoryPages;
  }

  /** Functions that it has a body for. */
  int bodies() {
    return functions.size() - importedFunctions;
  }

  /** Heap that the module takes once it is parsed, without what its functions do, in bytes. */
  long heapBytes() {
    return still.size() + (long) bodies() * BODY_BYTES + listBytes();
  }

  /** Heap that its lists take beside its functions, once they are parsed, in bytes. */
  long listBytes() {
    return (long) elements * ELEMENT_BYTES + (long) (table + parameters) * PLACE_BYTES;
  }

  private void section(int id, ByteReader in) throws InvalidRegoException {
    switch (id) {
      case 1 -> types(in);
      case 2 -> imports(in);
      case 3 -> {
        for (int i = in.count(MAX_FUNCTIONS, "functions"); i > 0; i--) {
          functions.add(type(in));
        }
      }
      case 4 -> tables(in);
      case 5 -> in.count(0, "memories of its own");
      case 6 -> {
        for (int i = in.count(MAX_GLOBALS, "globals"); i > 0; i--) {
          valueType(in);
          in.octet();
          constant(in);
        }
      }
      case 7 -> {
        for (int i = in.count(MAX_EXPORTS, "exports"); i > 0; i--) {
          in.name();
          in.octet();
          in.number();
        }
      }
      case 8 -> in.number();
      case 9 -> {
        for (int i = in.count(MAX_SEGMENTS, "element segments"); i > 0; i--) {
          in.expect(0);
          constant(in);
          int count = in.count(MAX_TABLE, "elements of a table");
          elements += count;
          if (elements > MAX_TABLE) {
            throw new InvalidRegoException(
                "policy.wasm puts more than %,d elements into its table".formatted(MAX_TABLE));
          }
          for (int j = count; j > 0; j--) {
            in.number();
          }
        }
      }
      case 10 -> code(in);
      case 11 -> {
        for (int i = in.count(MAX_SEGMENTS, "data segments"); i > 0; i--) {
          in.expect(0);
          constant(in);
          in.skip(in.number());
        }
      }
      default -> in.number();
    }
  }

  private void types(ByteReader in) throws InvalidRegoException {
    Set<String> keys = new HashSet<>();
    for (int i = in.count(MAX_TYPES, "types"); i > 0; i--) {
      in.expect(0x60);
      StringBuilder key = new StringBuilder();
      int count = in.count(MAX_PARAMETERS, "parameters of a function");
      parameters += count;
      for (int j = count; j > 0; j--) {
        key.append((char) valueType(in));
      }
      int results = in.count(1, "results of a function");
      for (int j = results; j > 0; j--) {
        key.append('>').append((char) valueType(in));
      }
      if (!keys.add(key.toString())) {
        // Calls by a table are compiled for each type and all functions of an equal one.
        throw new InvalidRegoException("policy.wasm has two equal types of functions");
      }
      types.add(new CodeCheck.Signature(count, results));
    }
  }

  private CodeCheck.Signature type(ByteReader in) throws InvalidRegoException {
    int number = in.number();
    if (number >= types.size()) {
      throw in.broken("type %d is not there".formatted(number));
    }
    return types.get(number);
  }

  private static int valueType(ByteReader in) throws InvalidRegoException {
    int type = in.octet();
    if (type < 0x7c || type > 0x7f) {
      throw in.broken("0x%02x is no type of WebAssembly 1.0".formatted(type));
    }
    return type;
  }

  private static void constant(ByteReader in) throws InvalidRegoException {
    int code = in.octet();
    switch (code) {
      case I32_CONST -> in.signed(5);
      case 0x42 -> in.signed(10);
      case 0x43 -> in.skip(4);
      case 0x44 -> in.skip(8);
      default -> throw in.broken("0x%02x is no constant".formatted(code));
    }
    in.expect(END);
  }

  private void imports(ByteReader in) throws InvalidRegoException {
    for (int i = in.count(FUNCTIONS.size() + 1, "imports"); i > 0; i--) {
      String module = in.name();
      String name = in.name();
      int kind = in.octet();
      boolean env = module.equals("env");
      if (env && kind == 2 && name.equals("memory") && memoryPages < 0) {
        int limits = in.octet();
        if (limits > 1) {
          throw in.broken("its memory is shared or of 64 bits");
        }
        memoryPages = in.number();
        if (memoryPages > PolicyCode.MOST_PAGES) {
          throw new InvalidRegoException(
              "policy.wasm begins with %,d pages of memory, at most %,d are accepted"
                  .formatted(memoryPages, PolicyCode.MOST_PAGES));
        }
        if (limits == 1) {
          in.number();
        }
      } else if (env && kind == 0 && FUNCTIONS.contains(name)) {
        functions.add(type(in));
        importedFunctions++;
      } else {
        throw new InvalidRegoException(
            "policy.wasm imports %s.%s: expected memory, opa_abort and opa_builtin0 to 4 of env"
                .formatted(PrintableText.of(module, 60), PrintableText.of(name, 60)));
      }
    }
  }

  private void tables(ByteReader in) throws InvalidRegoException {
    for (int i = in.count(1, "tables"); i > 0; i--) {
      in.expect(0x70);
      int limits = in.octet();
      if (limits > 1) {
        throw in.broken("limits of a kind that is not of WebAssembly 1.0");
      }
      int size = in.number();
      if (limits == 1) {
        in.number();
      }
      if (size > MAX_TABLE) {
        throw new InvalidRegoException(
            "policy.wasm has a table of %,d elements, at most %,d are accepted"
                .formatted(size, MAX_TABLE));
      }
      table = size;
    }
  }

  private void code(ByteReader in) throws InvalidRegoException {
    CodeCheck check =
        new CodeCheck(
            types.toArray(CodeCheck.Signature[]::new),
            functions.toArray(CodeCheck.Signature[]::new));
    int bodies = in.count(MAX_FUNCTIONS, "functions");
    if (bodies != functions.size() - importedFunctions) {
      throw in.broken(
          "%,d functions, expected %,d".formatted(bodies, functions.size() - importedFunctions));
    }
    for (int i = 0; i < bodies; i++) {
      int size = in.number();
      if (size > CodeCheck.MAX_FUNCTION) {
        throw new InvalidRegoException(
            "policy.wasm has a function of %,d bytes, at most %,d are accepted"
                .formatted(size, CodeCheck.MAX_FUNCTION));
      }
      ByteReader body = in.range(size, "a function");
      CodeCheck.Signature signature = functions.get(importedFunctions + i);
      // Nobody knows here which parameters have 64 bits.
      long words = 2L * signature.parameters();
      for (int j = body.count(MAX_LOCALS, "groups of local variables"); j > 0; j--) {
        int group = Math.min(body.number(), MAX_LOCALS + 1);
        locals += group;
        if (locals > MAX_LOCALS) {
          throw new InvalidRegoException(
              "the functions of policy.wasm have more than %,d local variables"
                  .formatted(MAX_LOCALS));
        }
        int type = valueType(body);
        words += type == I64 || type == F64 ? 2L * group : group;
        if (words > MAX_FUNCTION_WORDS) {
          throw new InvalidRegoException(
              "a function of policy.wasm has more than %,d words of local variables"
                  .formatted(MAX_FUNCTION_WORDS));
        }
      }
      check.function(body, (int) words, signature);
    }
  }

  private void copy(int id, byte[] module, int from, int size) throws InvalidRegoException {
    write(plain, id, module, from, size);
    if (id != 10) {
      write(hollow, id, module, from, size);
      if (id != START && id != DATA) {
        write(still, id, module, from, size);
      }
      return;
    }
    int functions = new ByteReader(module, from, from + size, "its code").number();
    ByteArrayOutputStream bodies = new ByteArrayOutputStream();
    number(bodies, functions);
    for (int i = 0; i < functions; i++) {
      bodies.writeBytes(new byte[] {3, 0, UNREACHABLE, END});
    }
    write(hollow, id, bodies.toByteArray(), 0, bodies.size());
    write(still, id, bodies.toByteArray(), 0, bodies.size());
  }

  private static void write(ByteArrayOutputStream out, int id, byte[] section, int from, int size) {
    out.write(id);
    number(out, size);
    out.write(section, from, size);
  }

  private static void number(ByteArrayOutputStream out, int value) {
    int rest = value;
    while (rest >= 0x80) {
      out.write(rest & 0x7f | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
  }
}
