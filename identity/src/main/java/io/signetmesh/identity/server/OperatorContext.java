package io.signetmesh.identity.server;

import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * The parts of a running identity server that an {@link OperatorExtension} works with.
 *
 * @param stateDirectory directory of the server
 * @param identity the server's own identity
 * @param bundles the trust bundle in force
 * @param authority the CA
 * @param issued leaves that have not expired
 * @param ledger what workloads report
 * @param revocationStore what is revoked
 * @param retired anchors that must not come into force again
 * @param renewals asks workloads to renew
 * @param embedded the CA in the state directory; null when issuer and anchors come from elsewhere
 * @param changes has changed files of the CA taken at once
 * @param leafLife how long new leaves are valid
 * @param meters gets the metrics of the extension
 */
public record OperatorContext(
    Path stateDirectory,
    WorkloadIdentity identity,
    TrustBundleStore bundles,
    CertificateAuthority authority,
    IssuedCertificates issued,
    AdoptionLedger ledger,
    RevocationStore revocationStore,
    RetiredAnchors retired,
    RenewalRequests renewals,
    @Nullable EmbeddedAuthority embedded,
    Changes changes,
    Duration leafLife,
    ServerMeters meters,
    AuditLog audit,
    InstantSource clock) {
  /** Has the server look at the files of its CA. */
  @FunctionalInterface
  public interface Changes {
    /**
     * Takes what has changed, without the time that other changes are given to settle. The caller
     * knows that all workloads have the anchors that they need.
     *
     * @throws PkiException when it is refused; the old material stays in force
     */
    void take() throws IOException, PkiException;
  }
}
