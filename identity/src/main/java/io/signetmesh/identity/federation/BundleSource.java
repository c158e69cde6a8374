package io.signetmesh.identity.federation;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where bundles of foreign trust domains come from. */
@FunctionalInterface
interface BundleSource {
  /**
   * Asks for the newest bundle, within a limit of time and size.
   *
   * @param trusted what the domain's endpoint is authenticated with; null when there is nothing
   * @throws IOException when there is no answer, or not from the endpoint
   * @throws PkiException when the answer is no bundle
   */
  SpiffeBundle fetch(ForeignDomain domain, @Nullable TrustBundle trusted)
      throws IOException, PkiException, InterruptedException;
}
