package io.signetmesh.identity.ca.source;

import static io.signetmesh.identity.ca.source.Pkcs11Slots.function;
import static io.signetmesh.identity.ca.source.Pkcs11Slots.require;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds and deletes objects of a token that the JDK's provider does not show: private keys without
 * a certificate. Private objects are seen while somebody in this process is logged in (PKCS#11
 * v2.40, section 5.6 and 5.7).
 */
final class Pkcs11Objects {
  private static final int OPEN_SESSION = 12;
  private static final int CLOSE_SESSION = 13;
  private static final int DESTROY_OBJECT = 22;
  private static final int FIND_OBJECTS_INIT = 26;
  private static final int FIND_OBJECTS = 27;
  private static final int FIND_OBJECTS_FINAL = 28;

  /** CKF_SERIAL_SESSION and CKF_RW_SESSION. */
  private static final long READ_WRITE = 4 | 2;

  private static final long CLASS = 0;
  private static final long TOKEN = 1;
  private static final long ID = 0x102;
  private static final int MAX_FOUND = 16;

  private Pkcs11Objects() {}

  /** Classes of objects, as CK_OBJECT_CLASS has them. */
  enum Kind {
    CERTIFICATE(1),
    PRIVATE_KEY(3);

    private final long number;

    Kind(long number) {
      this.number = number;
    }
  }

  /** Number of objects of a kind with an id in a token, up to 16. */
  static int count(Path library, String token, Kind kind, String id)
      throws RefusedMaterialException {
    return act(library, token, kind, id, false);
  }

  /** Deletes the objects of a kind with an id in a token. Their number. */
  static int delete(Path library, String token, Kind kind, String id)
      throws RefusedMaterialException {
    return act(library, token, kind, id, true);
  }

  private static int act(Path library, String token, Kind kind, String id, boolean delete)
      throws RefusedMaterialException {
    long slot = Pkcs11Slots.idOf(library, token);
    return Pkcs11Slots.call(
        library,
        (functions, arena) -> {
          MemorySegment out = arena.allocate(JAVA_LONG);
          require(
              (long)
                  function(functions, OPEN_SESSION, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS)
                      .invokeExact(slot, READ_WRITE, MemorySegment.NULL, MemorySegment.NULL, out),
              "C_OpenSession");
          long session = out.get(JAVA_LONG, 0);
          try {
            List<Long> found = find(functions, arena, session, kind, id);
            if (delete) {
              for (long object : found) {
                require(
                    (long)
                        function(functions, DESTROY_OBJECT, JAVA_LONG, JAVA_LONG)
                            .invokeExact(session, object),
                    "C_DestroyObject");
              }
            }
            return found.size();
          } finally {
            require(
                (long) function(functions, CLOSE_SESSION, JAVA_LONG).invokeExact(session),
                "C_CloseSession");
          }
        });
  }

  private static List<Long> find(
      MemorySegment functions, Arena arena, long session, Kind kind, String id) throws Throwable {
    MemorySegment kindValue = arena.allocate(JAVA_LONG);
    kindValue.set(JAVA_LONG, 0, kind.number);
    MemorySegment isTrue = arena.allocate(1);
    isTrue.fill((byte) 1);
    byte[] idBytes = id.getBytes(StandardCharsets.UTF_8);
    MemorySegment idValue = arena.allocate(idBytes.length);
    idValue.copyFrom(MemorySegment.ofArray(idBytes));
    List<MemorySegment> values = List.of(kindValue, isTrue, idValue);
    List<Long> types = List.of(CLASS, TOKEN, ID);
    // CK_ATTRIBUTE: type, pointer to the value, length.
    MemorySegment template = arena.allocate(JAVA_LONG, 3L * values.size());
    for (int i = 0; i < values.size(); i++) {
      template.setAtIndex(JAVA_LONG, 3L * i, types.get(i));
      template.setAtIndex(JAVA_LONG, 3L * i + 1, values.get(i).address());
      template.setAtIndex(JAVA_LONG, 3L * i + 2, values.get(i).byteSize());
    }
    require(
        (long)
            function(functions, FIND_OBJECTS_INIT, JAVA_LONG, ADDRESS, JAVA_LONG)
                .invokeExact(session, template, (long) values.size()),
        "C_FindObjectsInit");
    try {
      MemorySegment objects = arena.allocate(JAVA_LONG, MAX_FOUND);
      MemorySegment count = arena.allocate(JAVA_LONG);
      require(
          (long)
              function(functions, FIND_OBJECTS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS)
                  .invokeExact(session, objects, (long) MAX_FOUND, count),
          "C_FindObjects");
      List<Long> found = new ArrayList<>();
      for (long i = 0; i < count.get(JAVA_LONG, 0); i++) {
        found.add(objects.getAtIndex(JAVA_LONG, i));
      }
      return found;
    } finally {
      require(
          (long) function(functions, FIND_OBJECTS_FINAL, JAVA_LONG).invokeExact(session),
          "C_FindObjectsFinal");
    }
  }
}
