package io.signetmesh.proxy.authorize;

/**
 * The policy bundles of one message, its dry run included. Those that are not ready are unavailable
 * to a policy that is compiled meanwhile. One thread at a time compiles bundles; others may look.
 */
public interface PolicyBundles {
  /** Whether each is compiled, or was refused. */
  boolean areReady();

  /**
   * Compiles one that is not ready, which takes seconds; does nothing when all are. Whatever comes
   * of it, one less is left. Never throws.
   */
  void compileNext();

  /** Whether one was refused for lack of memory, and may be accepted a while later. */
  boolean areToBeTriedAgain();
}
