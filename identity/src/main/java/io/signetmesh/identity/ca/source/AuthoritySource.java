package io.signetmesh.identity.ca.source;

import io.signetmesh.identity.ca.SigningKey;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;

/** A source of issuer and trust anchors, which is polled. */
public interface AuthoritySource {
  /**
   * Renews what the source signs itself, when that is due. What was renewed is read like any other
   * change.
   *
   * @param digest of the snapshot that is in force; other content is left alone
   * @throws IOException when it cannot be written
   * @throws PkiException when it cannot be signed
   */
  default void renew(String digest) throws IOException, PkiException {}

  /**
   * Reads the current content without checking it.
   *
   * @throws RefusedMaterialException when a part is missing or cannot be read
   */
  Snapshot read() throws RefusedMaterialException;

  /** Name of the source in logs and errors, without secrets. */
  @Override
  String toString();

  /**
   * The content of a source, not parsed yet.
   *
   * @param digest SHA-256 over all parts: equal when nothing has changed
   * @param parser parses the parts
   */
  record Snapshot(String digest, Parser parser) {
    /** Makes a snapshot of named parts, such as files. */
    static Snapshot of(Map<String, byte[]> parts, Parser parser) {
      return new Snapshot(SourceFiles.digest(parts), parser);
    }
  }

  /** Parses a snapshot. */
  @FunctionalInterface
  interface Parser {
    /**
     * Parses keys and certificates.
     *
     * @throws RefusedMaterialException when they are malformed
     */
    Material parse() throws RefusedMaterialException;
  }

  /**
   * Issuer and anchors, parsed but not checked yet.
   *
   * @param key private key of the issuer
   * @param chain issuer first, then the CA certificates towards the anchor
   * @param anchors trust anchors
   * @param crossCertificates of the issuer, under other anchors
   */
  record Material(
      SigningKey key,
      List<X509Certificate> chain,
      List<X509Certificate> anchors,
      List<X509Certificate> crossCertificates) {
    /** Copies the lists. */
    public Material {
      chain = List.copyOf(chain);
      anchors = List.copyOf(anchors);
      crossCertificates = List.copyOf(crossCertificates);
    }

    /** Without cross-certificates. */
    public Material(SigningKey key, List<X509Certificate> chain, List<X509Certificate> anchors) {
      this(key, chain, anchors, List.of());
    }
  }
}
