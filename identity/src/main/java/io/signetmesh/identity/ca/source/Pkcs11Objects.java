package io.signetmesh.identity.ca.source;

import static io.signetmesh.identity.ca.source.Pkcs11Slots.function;
import static io.signetmesh.identity.ca.source.Pkcs11Slots.require;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.signetmesh.identity.crypto.Signatures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.SignatureException;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds and deletes objects of a token that the JDK's provider does not show: private keys without
 * a certificate. Private objects are seen while somebody in this process is logged in (PKCS#11
 * v2.40, section 5.6, 5.7 and 5.13).
 */
final class Pkcs11Objects {
  private static final int OPEN_SESSION = 12;
  private static final int CLOSE_SESSION = 13;
  private static final int DESTROY_OBJECT = 22;
  private static final int GET_ATTRIBUTE_VALUE = 24;
  private static final int FIND_OBJECTS_INIT = 26;
  private static final int FIND_OBJECTS = 27;
  private static final int FIND_OBJECTS_FINAL = 28;
  private static final int SIGN_INIT = 42;
  private static final int SIGN = 43;

  /** CKM_SHA256_RSA_PKCS and CKM_ECDSA. */
  private static final long SHA256_WITH_RSA = 0x40;

  private static final long ECDSA = 0x1041;
  private static final int CHALLENGE_BYTES = 32;

  /** For RSA keys of up to 8192 bits. */
  private static final int MAX_SIGNATURE = 1_024;

  /** CKF_SERIAL_SESSION and CKF_RW_SESSION. */
  private static final long READ_WRITE = 4 | 2;

  private static final long KEY_TYPE = 0x100;

  /** CKK_RSA and CKK_EC. */
  private static final long RSA = 0;

  private static final long EC = 3;

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

  /** Whether an object is the one that is meant. */
  private enum Match {
    YES,
    NO,
    /** The token does not do what would tell. */
    UNKNOWN
  }

  /** Decides on an object. */
  @FunctionalInterface
  private interface Choice {
    Match match(MemorySegment functions, Arena arena, long session, long object) throws Throwable;
  }

  /**
   * Objects of a kind with an id in a token, up to 16.
   *
   * @param matching those that are meant
   * @param unknown those of which it cannot be told
   */
  record Found(int matching, int unknown) {}

  /** Number of objects of a kind with an id in a token, up to 16. */
  static int count(Path library, String token, Kind kind, String id)
      throws RefusedMaterialException {
    return act(library, token, kind, id, (_, _, _, _) -> Match.YES, false).matching;
  }

  /** Deletes the objects of a kind with an id in a token. Their number. */
  static int delete(Path library, String token, Kind kind, String id)
      throws RefusedMaterialException {
    return act(library, token, kind, id, (_, _, _, _) -> Match.YES, true).matching;
  }

  /** Counts the private keys with an id in a token that belong to a public key. */
  static Found countKeys(Path library, String token, String id, PublicKey publicKey)
      throws RefusedMaterialException {
    return act(library, token, Kind.PRIVATE_KEY, id, belongingTo(publicKey), false);
  }

  /** Deletes the private keys with an id in a token that belong to a public key. */
  static Found deleteKeys(Path library, String token, String id, PublicKey publicKey)
      throws RefusedMaterialException {
    return act(library, token, Kind.PRIVATE_KEY, id, belongingTo(publicKey), true);
  }

  /**
   * A private key in a token does not tell its public key: it has to sign. One that is of another
   * type, or signs otherwise, is another. Of one that does not sign now, nothing is known.
   */
  private static Choice belongingTo(PublicKey publicKey) {
    byte[] challenge = new byte[CHALLENGE_BYTES];
    new SecureRandom().nextBytes(challenge);
    boolean isRsa = publicKey.getAlgorithm().equals("RSA");
    return (functions, arena, session, object) -> {
      if (keyType(functions, arena, session, object) != (isRsa ? RSA : EC)) {
        return Match.NO;
      }
      byte[] signature =
          isRsa
              ? sign(functions, arena, session, object, SHA256_WITH_RSA, challenge)
              : sign(
                  functions,
                  arena,
                  session,
                  object,
                  ECDSA,
                  MessageDigest.getInstance("SHA-256").digest(challenge));
      if (signature.length == 0) {
        return Match.UNKNOWN;
      }
      Signature verifier = Signatures.of(isRsa ? "SHA256withRSA" : "SHA256withECDSAinP1363Format");
      verifier.initVerify(publicKey);
      verifier.update(challenge);
      try {
        return verifier.verify(signature) ? Match.YES : Match.NO;
      } catch (SignatureException e) {
        return Match.NO;
      }
    };
  }

  /** CKA_KEY_TYPE, which each key has. */
  private static long keyType(MemorySegment functions, Arena arena, long session, long key)
      throws Throwable {
    MemorySegment type = arena.allocate(JAVA_LONG);
    MemorySegment attribute = arena.allocate(JAVA_LONG, 3);
    attribute.setAtIndex(JAVA_LONG, 0, KEY_TYPE);
    attribute.setAtIndex(JAVA_LONG, 1, type.address());
    attribute.setAtIndex(JAVA_LONG, 2, JAVA_LONG.byteSize());
    require(
        (long)
            function(functions, GET_ATTRIBUTE_VALUE, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG)
                .invokeExact(session, key, attribute, 1L),
        "C_GetAttributeValue");
    return type.get(JAVA_LONG, 0);
  }

  /** The signature of a key; empty when it does not sign. */
  private static byte[] sign(
      MemorySegment functions, Arena arena, long session, long key, long mechanism, byte[] content)
      throws Throwable {
    // CK_MECHANISM: type, pointer to the parameters, their length.
    MemorySegment mechanismValue = arena.allocate(JAVA_LONG, 3);
    mechanismValue.setAtIndex(JAVA_LONG, 0, mechanism);
    long begun =
        (long)
            function(functions, SIGN_INIT, JAVA_LONG, ADDRESS, JAVA_LONG)
                .invokeExact(session, mechanismValue, key);
    if (begun != 0) {
      return new byte[0];
    }
    MemorySegment data = arena.allocate(content.length);
    data.copyFrom(MemorySegment.ofArray(content));
    MemorySegment signature = arena.allocate(MAX_SIGNATURE);
    MemorySegment length = arena.allocate(JAVA_LONG);
    length.set(JAVA_LONG, 0, MAX_SIGNATURE);
    long signed =
        (long)
            function(functions, SIGN, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS)
                .invokeExact(session, data, (long) content.length, signature, length);
    return signed == 0
        ? signature.asSlice(0, length.get(JAVA_LONG, 0)).toArray(ValueLayout.JAVA_BYTE)
        : new byte[0];
  }

  private static Found act(
      Path library, String token, Kind kind, String id, Choice choice, boolean delete)
      throws RefusedMaterialException {
    long slot = Pkcs11Slots.of(library, token).id();
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
            int chosen = 0;
            int unknown = 0;
            for (long object : find(functions, arena, session, kind, id)) {
              Match match = choice.match(functions, arena, session, object);
              if (match == Match.UNKNOWN) {
                unknown++;
              } else if (match == Match.YES) {
                chosen++;
                if (delete) {
                  require(
                      (long)
                          function(functions, DESTROY_OBJECT, JAVA_LONG, JAVA_LONG)
                              .invokeExact(session, object),
                      "C_DestroyObject");
                }
              }
            }
            return new Found(chosen, unknown);
          } finally {
            require(
                (long) function(functions, CLOSE_SESSION, JAVA_LONG).invokeExact(session),
                "C_CloseSession");
          }
        });
  }

  static List<Long> find(MemorySegment functions, Arena arena, long session, Kind kind, String id)
      throws Throwable {
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
