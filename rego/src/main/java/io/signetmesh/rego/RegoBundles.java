package io.signetmesh.rego;

/** Policy bundles, as {@code opa build -t wasm} writes them. */
public final class RegoBundles {
  /** Bytes of a bundle. */
  public static final int MAX_SIZE = BundleArchive.MAX_COMPRESSED;

  private RegoBundles() {}

  /**
   * Looks at a bundle without compiling it: the archive, the structure of its {@code policy.wasm},
   * and their limits. Takes some milliseconds. What passes may still be refused by {@link
   * RegoAuthentication#compile}, which alone knows its entry points and its built-in functions.
   *
   * @param content bytes of the bundle
   * @throws InvalidRegoException when no proxy of this version can run it
   */
  public static void check(byte[] content) throws InvalidRegoException {
    WasmFile.read(BundleArchive.read(content).module());
  }
}
