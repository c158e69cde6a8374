package io.signetmesh.identity.server;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.revocation.RevocationPublisher;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.federation.FederationServices;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.time.InstantSource;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What belongs to revocation in an identity server: state, signed lists, streams, operators, and a
 * thread that sends changes and signs lists again.
 */
final class Revocations implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Revocations.class);
  private static final int UPKEEP_SECONDS = 5;
  private static final int ASKING_MILLIS = 100;

  private final WorkloadIdentity own;
  private final CertificateAuthority authority;
  private final InstantSource clock;
  private final RevocationStore store;
  private final RevocationPublisher publisher;
  private final ScheduledExecutorService thread;
  private volatile @Nullable RevocationAdmin admin;

  private Revocations(
      WorkloadIdentity own,
      CertificateAuthority authority,
      InstantSource clock,
      RevocationStore store,
      RevocationPublisher publisher) {
    this.own = own;
    this.authority = authority;
    this.clock = clock;
    this.store = store;
    this.publisher = publisher;
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("identity-revocations").factory());
  }

  /**
   * Begins with the revocations of a store, which stays the caller's to close.
   *
   * @param authority must be able to sign
   * @throws PkiException when the issuer cannot sign a list of them: the server must not start
   *     without them
   */
  static Revocations open(
      RevocationStore store,
      WorkloadIdentity own,
      CertificateAuthority authority,
      InstantSource clock)
      throws IOException, PkiException {
    RevocationPublisher publisher = new RevocationPublisher(store, authority, clock);
    RevocationPublisher.Publication first = publisher.current();
    if (!first.isSignable()) {
      if (!first.isEmpty()) {
        throw new PkiException(
            "there are revocations, and the issuer may not sign a list of them: expected key usage"
                + " cRLSign");
      }
      log.warn("nothing can be revoked: the issuer lacks the key usage cRLSign");
    }
    return new Revocations(own, authority, clock, store, publisher);
  }

  RevocationStore store() {
    return store;
  }

  RevocationPublisher publisher() {
    return publisher;
  }

  /** Makes the streams, and begins with upkeep. */
  TrustBundleService streams(
      TrustBundleStore bundles,
      FederationServices federation,
      AdoptionLedger ledger,
      RenewalRequests renewals,
      MeterRegistry registry) {
    TrustBundleService streams =
        new TrustBundleService(
            bundles, federation, store, publisher, ledger, renewals, thread, clock);
    streams.bind(registry);
    thread.scheduleWithFixedDelay(
        () -> {
          try {
            publisher.refresh();
            streams.endSlow();
          } catch (RuntimeException e) {
            // It would end the upkeep for good.
            log.error("upkeep of the revocation list failed", e);
          }
        },
        UPKEEP_SECONDS,
        UPKEEP_SECONDS,
        TimeUnit.SECONDS);
    thread.scheduleWithFixedDelay(streams::allowReports, 1, 1, TimeUnit.SECONDS);
    thread.scheduleWithFixedDelay(
        streams::askForRenewal, ASKING_MILLIS, ASKING_MILLIS, TimeUnit.MILLISECONDS);
    return streams;
  }

  /** Lets operators revoke, and tells metrics who has the newest list in force. */
  void administer(IssuedCertificates issued, AdoptionLedger ledger, MeterRegistry registry) {
    RevocationAdoption adoption = new RevocationAdoption(store, ledger, clock);
    adoption.bind(registry);
    admin = new RevocationAdmin(own, authority, store, publisher, issued, ledger, adoption, clock);
  }

  /**
   * What operators do.
   *
   * @throws StatusRuntimeException before {@link #administer}
   */
  RevocationAdmin admin() {
    RevocationAdmin made = admin;
    if (made == null) {
      throw Status.UNAVAILABLE
          .withDescription("the identity server is starting")
          .asRuntimeException();
    }
    return made;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
