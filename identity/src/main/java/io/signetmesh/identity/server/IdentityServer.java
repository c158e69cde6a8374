package io.signetmesh.identity.server;

import static io.signetmesh.identity.admin.CertificateMeters.earliest;

import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.admin.CertificateMeters;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestor;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.EmbeddedAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.IssuerSource;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The identity server: issues leaves to workloads that prove who they are, and tells all what to
 * trust.
 */
public final class IdentityServer implements AutoCloseable {
  /** Token, request and report are each far below; who has no certificate yet may send as much. */
  private static final int MAX_REQUEST_BYTES = 64 * 1024;

  /** A workload asks for a certificate and follows the bundle. */
  private static final int MAX_CALLS_PER_CONNECTION = 100;

  /** The method that a workload without a certificate may call. */
  private static final Set<String> OPEN =
      Set.of(IdentityGrpc.getCertifyMethod().getFullMethodName());

  /** Of the server, in the label of its metrics. */
  private static final String NAME = "identity";

  private final ControlServer server;
  private final WorkloadIdentity identity;
  private final TrustBundleStore bundles;
  private final AdoptionLedger ledger;
  private final CertificateAuthority authority;

  private IdentityServer(
      ControlServer server,
      WorkloadIdentity identity,
      TrustBundleStore bundles,
      AdoptionLedger ledger,
      CertificateAuthority authority) {
    this.server = server;
    this.identity = identity;
    this.bundles = bundles;
    this.ledger = ledger;
    this.authority = authority;
  }

  /**
   * What a server is made from.
   *
   * @param stateDirectory where CA, bundle and token key are kept; mode 0700
   * @param identity the server's own name; its control-plane namespace and trust domain are those
   *     of the mesh
   * @param address to bind; port 0 takes a free one
   * @param cleartext serve without TLS; loopback only, local callers are trusted
   * @param issuance how long leaves live
   * @param externalIssuer issuer and anchors from files; null: the CA that the state directory
   *     keeps
   * @param meters where the metrics of the server go
   */
  public record Config(
      Path stateDirectory,
      WorkloadIdentity identity,
      InetSocketAddress address,
      boolean cleartext,
      IssuancePolicy issuance,
      @Nullable ExternalIssuer externalIssuer,
      ServerMeters meters) {
    /** Without metrics. */
    public Config(
        Path stateDirectory,
        WorkloadIdentity identity,
        InetSocketAddress address,
        boolean cleartext,
        IssuancePolicy issuance,
        @Nullable ExternalIssuer externalIssuer) {
      this(
          stateDirectory,
          identity,
          address,
          cleartext,
          issuance,
          externalIssuer,
          ServerMeters.none());
    }
  }

  /**
   * An issuer that someone else made.
   *
   * @param certificates PEM: issuer first, then intermediates
   * @param key PEM: ECDSA P-256 private key
   * @param anchors PEM: trust anchors
   */
  public record ExternalIssuer(Path certificates, Path key, Path anchors) {}

  /**
   * Opens or makes the CA, checks that it can sign, binds and serves.
   *
   * @param attestor tells who holds a token
   * @throws PkiException when keys, certificates or bundle do not fit together; nothing has been
   *     bound
   */
  public static IdentityServer start(
      Config config, Attestor attestor, ControlLoops loops, AuditLog audit, InstantSource clock)
      throws IOException, PkiException {
    WorkloadIdentity own = config.identity();
    IssuerSource issuers;
    TrustBundleStore bundles;
    ExternalIssuer external = config.externalIssuer();
    if (external == null) {
      EmbeddedAuthority embedded =
          EmbeddedAuthority.open(
              config.stateDirectory(), own.controlPlaneNamespace(), own.trustDomain(), clock);
      issuers = embedded;
      bundles =
          TrustBundleStore.open(
              config.stateDirectory(), own.trustDomain(), List.of(embedded.anchor()));
      recordChanges(bundles, audit, clock);
    } else {
      Issuer issuer = Issuer.read(external.certificates(), external.key());
      issuers = () -> issuer;
      List<X509Certificate> anchors = Certificates.readPem(external.anchors());
      bundles = TrustBundleStore.open(config.stateDirectory(), own.trustDomain(), anchors);
      recordChanges(bundles, audit, clock);
      bundles.setBundle(anchors);
    }
    CertificateAuthority authority =
        new CertificateAuthority(issuers, bundles, config.issuance(), clock);
    authority.requireIssuer();
    AdoptionLedger ledger = new AdoptionLedger(clock);
    ServerMeters meters = config.meters();
    Security security;
    if (config.cleartext()) {
      security = new Security.Cleartext();
    } else {
      OwnCredentials credentials = new OwnCredentials(own, authority, bundles, clock);
      security = new Security.MutualTls(credentials, clock, OPEN);
      CertificateMeters.bind(
          meters.registry(),
          NAME,
          "leaf",
          () -> credentials.newest().certificate().notAfter(),
          clock);
    }
    CertificateMeters.bind(
        meters.registry(),
        NAME,
        "issuer",
        () -> {
          Issuer issuer = authority.issuerInUse();
          return issuer == null ? null : earliest(issuer.chain());
        },
        clock);
    CertificateMeters.bind(
        meters.registry(), NAME, "trust_anchor", () -> earliest(bundles.get().anchors()), clock);
    ControlServer server =
        ControlServer.start(
            new ControlServer.Config(
                config.address(), security, 2, MAX_REQUEST_BYTES, MAX_CALLS_PER_CONNECTION),
            loops,
            meters.metered(
                List.of(
                    new CertifyService(
                        authority, attestor, audit, new IssuanceMeters(meters.registry()), clock),
                    new TrustBundleService(bundles, ledger))));
    return new IdentityServer(server, own, bundles, ledger, authority);
  }

  /** The address bound. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** The server's own identity: what clients expect in its certificate. */
  public WorkloadIdentity identity() {
    return identity;
  }

  /** The bundle in force, and the way to change it. */
  public TrustBundleStore bundles() {
    return bundles;
  }

  /** What workloads say that they trust. */
  public AdoptionLedger ledger() {
    return ledger;
  }

  /** The CA, for issuing within this process. */
  public CertificateAuthority authority() {
    return authority;
  }

  @Override
  public void close() {
    server.close();
  }

  private static void recordChanges(TrustBundleStore bundles, AuditLog audit, InstantSource clock) {
    TrustBundle atStart = bundles.get();
    bundles.onChange(
        bundle -> {
          if (bundle != atStart) {
            audit.record(
                new AdministrativeEvent(
                    clock.millis(),
                    "bundle-changed",
                    "identity",
                    bundle.trustDomain(),
                    Map.of(
                        "version",
                        Long.toString(bundle.version()),
                        "anchors",
                        Integer.toString(bundle.anchors().size()),
                        "digest",
                        HexFormat.of().formatHex(bundle.digest()))));
          }
        });
  }
}
