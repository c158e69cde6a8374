package io.signetmesh.audit.tlog;

import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;

/** Keys made for a test. */
final class Keys {
  private Keys() {}

  static NoteSigner log(String name) {
    return signer(name, NoteKey.Type.NOTE);
  }

  static NoteSigner witness(String name) {
    return signer(name, NoteKey.Type.COSIGNATURE);
  }

  private static NoteSigner signer(String name, NoteKey.Type type) {
    try {
      KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
      return new NoteSigner(new NoteKey(name, type, keys.getPublic()), keys.getPrivate());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
