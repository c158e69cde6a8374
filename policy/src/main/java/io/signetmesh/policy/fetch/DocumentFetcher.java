package io.signetmesh.policy.fetch;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.DocumentLocation;

/** Fetches key sets and policy bundles. */
@FunctionalInterface
public interface DocumentFetcher {
  /**
   * The bytes of the document at a location. Waits for it, for a bounded time.
   *
   * @throws FetchException when it cannot be had
   */
  ByteString fetch(DocumentLocation location) throws FetchException;
}
