package io.signetmesh.rego;

import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.ExternalType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/** Modules that opa does not write: one of its own with a part replaced. */
final class TestModule {
  private static final int CODE = 10;

  private TestModule() {}

  /** Body of a function without variables. */
  static byte[] body(int... code) {
    byte[] bytes = new byte[code.length + 2];
    for (int i = 0; i < code.length; i++) {
      bytes[i + 1] = (byte) code[i];
    }
    bytes[code.length + 1] = 0x0b;
    return bytes;
  }

  /** Number of an exported function, as {@code call} takes it. */
  static int function(byte[] module, String export) {
    WasmModule parsed = Parser.parse(module);
    for (int i = 0; i < parsed.exportSection().exportCount(); i++) {
      if (parsed.exportSection().getExport(i).name().equals(export)) {
        return parsed.exportSection().getExport(i).index();
      }
    }
    throw new AssertionError("no export " + export);
  }

  /** Number of an imported function. */
  static int importedFunction(byte[] module, String name) {
    WasmModule parsed = Parser.parse(module);
    int number = 0;
    for (int i = 0; i < parsed.importSection().importCount(); i++) {
      if (parsed.importSection().getImport(i).importType() != ExternalType.FUNCTION) {
        continue;
      }
      if (parsed.importSection().getImport(i).name().equals(name)) {
        return number;
      }
      number++;
    }
    throw new AssertionError("no import " + name);
  }

  /** The module with another major version of Open Policy Agent's interface. */
  static byte[] withAbi(byte[] module, int major) {
    int global = function(module, "opa_wasm_abi_version");
    return withSection(
        module,
        6,
        section -> {
          int[] position = {0};
          number(section, position);
          for (int i = 0; i < global; i++) {
            // A type, whether it varies, and i32.const of one number.
            position[0] += 3;
            number(section, position);
            position[0]++;
          }
          byte[] changed = section.clone();
          changed[position[0] + 3] = (byte) major;
          return changed;
        });
  }

  /** The module with a memory that begins with a number of pages. */
  static byte[] withMemoryPages(byte[] module, int pages) {
    return withSection(
        module,
        2,
        section -> {
          String text = new String(section, StandardCharsets.ISO_8859_1);
          int at = text.indexOf("memory") + "memory".length();
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          out.write(section, 0, at + 2);
          number(out, pages);
          int[] position = {at + 2};
          number(section, position);
          out.write(section, position[0], section.length - position[0]);
          return out.toByteArray();
        });
  }

  /** The module with a function that it begins with, which does more before. */
  static byte[] withLongStart(byte[] module, int... code) {
    WasmModule parsed = Parser.parse(module);
    int start = (int) parsed.startSection().orElseThrow().startIndex();
    int at = start - parsed.importSection().count(ExternalType.FUNCTION);
    return withBody(
        module,
        at,
        old -> {
          if (old[0] != 0) {
            throw new AssertionError("it has variables");
          }
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          // One variable of type i32.
          out.writeBytes(new byte[] {1, 1, 0x7f});
          for (int octet : code) {
            out.write(octet);
          }
          out.write(old, 1, old.length - 1);
          return out.toByteArray();
        });
  }

  /** The module with another body of an exported function. */
  static byte[] withFunction(byte[] module, String export, byte[] body) {
    WasmModule parsed = Parser.parse(module);
    int imports = parsed.importSection().count(ExternalType.FUNCTION);
    return withBody(module, function(module, export) - imports, old -> body);
  }

  private static byte[] withBody(byte[] module, int at, UnaryOperator<byte[]> change) {
    return withSection(
        module,
        CODE,
        section -> {
          int[] position = {0};
          int count = number(section, position);
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          number(out, count);
          for (int i = 0; i < count; i++) {
            int size = number(section, position);
            byte[] old = Arrays.copyOfRange(section, position[0], position[0] + size);
            position[0] += size;
            byte[] now = i == at ? change.apply(old) : old;
            number(out, now.length);
            out.writeBytes(now);
          }
          return out.toByteArray();
        });
  }

  /** The module with another section in place of one, which need not be there. */
  static byte[] withSection(byte[] module, int id, UnaryOperator<byte[]> change) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(module, 0, 8);
    int[] position = {8};
    boolean done = false;
    while (position[0] < module.length) {
      int found = module[position[0]++];
      int size = number(module, position);
      byte[] section = Arrays.copyOfRange(module, position[0], position[0] + size);
      position[0] += size;
      if (!done && found > id) {
        section(out, id, change.apply(new byte[0]));
        done = true;
      }
      if (found == id) {
        section(out, id, change.apply(section));
        done = true;
      } else {
        section(out, found, section);
      }
    }
    return out.toByteArray();
  }

  static void section(ByteArrayOutputStream out, int id, byte[] section) {
    out.write(id);
    number(out, section.length);
    out.writeBytes(section);
  }

  static int number(byte[] bytes, int[] position) {
    int value = 0;
    for (int shift = 0; ; shift += 7) {
      int octet = bytes[position[0]++];
      value |= (octet & 0x7f) << shift;
      if (octet >= 0) {
        return value;
      }
    }
  }

  static void number(ByteArrayOutputStream out, int value) {
    int rest = value;
    while (rest >= 0x80) {
      out.write(rest & 0x7f | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
  }
}
