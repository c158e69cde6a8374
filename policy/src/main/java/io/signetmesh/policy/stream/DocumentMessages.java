package io.signetmesh.policy.stream;

import io.signetmesh.policy.fetch.DocumentStatus;
import io.signetmesh.v1.BundleStatus;
import io.signetmesh.v1.KeySetStatus;
import java.time.Instant;

/** How it stands with what is fetched, as status calls tell it. */
final class DocumentMessages {
  private DocumentMessages() {}

  static KeySetStatus keySet(DocumentStatus keys) {
    KeySetStatus.Builder status =
        KeySetStatus.newBuilder()
            .setAuthentication(keys.authentication().qualifiedName())
            .setLocation(keys.location().toString())
            .setState(keys.state().code())
            .setKeys(keys.size())
            .addAllBadKeys(keys.problems())
            .setError(keys.error());
    Instant fetchedAt = keys.fetchedAt();
    Instant expiresAt = keys.expiresAt();
    Instant failingSince = keys.failingSince();
    if (fetchedAt != null) {
      status.setFetchedAt(EnforcementService.timestamp(fetchedAt));
    }
    if (expiresAt != null) {
      status.setExpiresAt(EnforcementService.timestamp(expiresAt));
    }
    if (failingSince != null) {
      status.setFailingSince(EnforcementService.timestamp(failingSince));
    }
    return status.build();
  }

  static BundleStatus bundle(DocumentStatus bundle) {
    BundleStatus.Builder status =
        BundleStatus.newBuilder()
            .setAuthentication(bundle.authentication().qualifiedName())
            .setLocation(bundle.location().toString())
            .setState(bundle.state().code())
            .setSize(bundle.size())
            .setError(bundle.error());
    Instant fetchedAt = bundle.fetchedAt();
    Instant expiresAt = bundle.expiresAt();
    Instant failingSince = bundle.failingSince();
    if (fetchedAt != null) {
      status.setFetchedAt(EnforcementService.timestamp(fetchedAt));
    }
    if (expiresAt != null) {
      status.setExpiresAt(EnforcementService.timestamp(expiresAt));
    }
    if (failingSince != null) {
      status.setFailingSince(EnforcementService.timestamp(failingSince));
    }
    return status.build();
  }
}
