package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Finds the slot of a token by its label, which the JDK's provider cannot. Calls the library
 * (PKCS#11 v2.40, section 5.4 and 5.5) on Linux, where its structures are laid out as C does.
 */
final class Pkcs11Slots {
  private static final long OK = 0;
  private static final long ALREADY_INITIALIZED = 0x191;
  private static final long OS_LOCKING_OK = 2;
  private static final int MAX_SLOTS = 256;
  private static final int LABEL_BYTES = 32;

  /** Place and length of the serial number in CK_TOKEN_INFO, behind label, maker and model. */
  private static final int SERIAL_OFFSET = 80;

  private static final int SERIAL_BYTES = 16;

  /** Larger than CK_TOKEN_INFO on any platform. */
  private static final int TOKEN_INFO_BYTES = 512;

  /** Places in the list of functions, after its version. */
  private static final int INITIALIZE = 0;

  /** Places that are used, the version included. */
  private static final int FUNCTIONS = 45;

  private static final int GET_SLOT_LIST = 4;
  private static final int GET_TOKEN_INFO = 6;

  private Pkcs11Slots() {}

  /**
   * A slot, and what is in it.
   *
   * @param id number that the library calls it by
   * @param label label of its token; empty where there is no usable token
   * @param serial serial number of its token: 32 lower-case hexadecimal digits; empty as the label
   */
  record Slot(long id, String label, String serial) {}

  /**
   * Index of the slot with that token, in the list of all slots.
   *
   * @throws RefusedMaterialException when the library cannot be used, or not exactly one token has
   *     the label
   */
  static int indexOf(Path library, String label) throws RefusedMaterialException {
    return find(library, label, new ArrayList<>());
  }

  /**
   * The slot with that token.
   *
   * @throws RefusedMaterialException as {@link #indexOf}
   */
  static Slot of(Path library, String label) throws RefusedMaterialException {
    List<Slot> slots = new ArrayList<>();
    return slots.get(find(library, label, slots));
  }

  private static int find(Path library, String label, List<Slot> slots)
      throws RefusedMaterialException {
    if (!Files.isReadable(library)) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE, "PKCS#11 library " + library + " cannot be read");
    }
    try {
      slots.addAll(slots(library));
    } catch (IllegalArgumentException e) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE, "PKCS#11 library " + library + " cannot be loaded", e);
    }
    List<String> labels = slots.stream().map(Slot::label).toList();
    int first = labels.indexOf(label);
    if (first < 0 || labels.lastIndexOf(label) != first) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE,
          "PKCS#11 library "
              + library
              + " has "
              + (first < 0 ? "no token" : "several tokens")
              + " with label "
              + label
              + ": expected one; there are "
              + labels.stream().filter(text -> !text.isEmpty()).toList());
    }
    return first;
  }

  /** Calls functions of a library, which all throw {@link Throwable}. */
  @FunctionalInterface
  interface Calls<T> {
    T with(MemorySegment functions, Arena arena) throws Throwable;
  }

  private static List<Slot> slots(Path library) throws RefusedMaterialException {
    return call(library, Pkcs11Slots::slots);
  }

  /**
   * Calls functions of a library, which is initialized if nobody has done so.
   *
   * @throws RefusedMaterialException when one fails
   */
  static <T> T call(Path library, Calls<T> calls) throws RefusedMaterialException {
    // Libraries keep state: once loaded, they stay.
    SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      MemorySegment entry =
          symbols
              .find("C_GetFunctionList")
              .orElseThrow(() -> new IllegalArgumentException("no C_GetFunctionList"));
      require(
          (long)
              Linker.nativeLinker()
                  .downcallHandle(
                      entry, FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS))
                  .invokeExact(out),
          "C_GetFunctionList");
      MemorySegment functions =
          out.get(ValueLayout.ADDRESS, 0).reinterpret(ValueLayout.ADDRESS.byteSize() * FUNCTIONS);
      // Four pointers to functions, flags, and a reserved pointer.
      MemorySegment arguments = arena.allocate(ValueLayout.JAVA_LONG, 6);
      arguments.setAtIndex(ValueLayout.JAVA_LONG, 4, OS_LOCKING_OK);
      long initialized =
          (long) function(functions, INITIALIZE, ValueLayout.ADDRESS).invokeExact(arguments);
      if (initialized != ALREADY_INITIALIZED) {
        require(initialized, "C_Initialize");
      }
      return calls.with(functions, arena);
    } catch (RefusedMaterialException | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("PKCS#11 library " + library + " failed", e);
    }
  }

  private static List<Slot> slots(MemorySegment functions, Arena arena) throws Throwable {
    MethodHandle list =
        function(
            functions,
            GET_SLOT_LIST,
            ValueLayout.JAVA_BYTE,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS);
    MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
    MemorySegment ids = arena.allocate(ValueLayout.JAVA_LONG, MAX_SLOTS);
    count.set(ValueLayout.JAVA_LONG, 0, MAX_SLOTS);
    require((long) list.invokeExact((byte) 0, ids, count), "C_GetSlotList");
    MethodHandle info =
        function(functions, GET_TOKEN_INFO, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);
    MemorySegment token = arena.allocate(TOKEN_INFO_BYTES);
    List<Slot> slots = new ArrayList<>();
    for (int i = 0; i < count.get(ValueLayout.JAVA_LONG, 0); i++) {
      long id = ids.getAtIndex(ValueLayout.JAVA_LONG, i);
      boolean present = (long) info.invokeExact(id, token) == OK;
      String label =
          present
              ? new String(
                      token.asSlice(0, LABEL_BYTES).toArray(ValueLayout.JAVA_BYTE),
                      StandardCharsets.UTF_8)
                  .stripTrailing()
              : "";
      String serial =
          present
              ? HexFormat.of()
                  .formatHex(
                      token.asSlice(SERIAL_OFFSET, SERIAL_BYTES).toArray(ValueLayout.JAVA_BYTE))
              : "";
      slots.add(new Slot(id, label, serial));
    }
    return slots;
  }

  /** A function of the list, which begins with a version of two bytes, aligned to a pointer. */
  static MethodHandle function(
      MemorySegment functions, int place, java.lang.foreign.MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(
            functions.getAtIndex(ValueLayout.ADDRESS, place + 1),
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, parameters));
  }

  static void require(long result, String function) throws RefusedMaterialException {
    if (result != OK) {
      throw new RefusedMaterialException(
          Reason.UNREADABLE,
          function + " of the PKCS#11 library failed with 0x" + Long.toHexString(result));
    }
  }
}
