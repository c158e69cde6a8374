package io.signetmesh.identity.server;

import static io.signetmesh.identity.admin.CertificateMeters.earliest;

import io.grpc.BindableService;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.admin.CertificateMeters;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.Attestor;
import io.signetmesh.identity.attest.JoinTokens;
import io.signetmesh.identity.attest.LeafRenewals;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CaHealth;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.RetiredAnchors;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.revocation.KnowingIssuers;
import io.signetmesh.identity.ca.revocation.RevocationPublisher;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.ca.source.MaterialCheck;
import io.signetmesh.identity.ca.source.ReloadingAuthority;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.channel.LocalServer;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.federation.FederationServices;
import io.signetmesh.identity.jwt.JwtSvidIssuer;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.TrustBundlesGrpc;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity server: issues leaves to attested workloads, and distributes the trust bundle and
 * revocations.
 *
 * <p>Longer than 500 lines: what a server is made of, and the order in which it starts, are in one
 * place.
 */
public final class IdentityServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(IdentityServer.class);

  /** Token, request and report are each far below; who has no certificate yet may send as much. */
  private static final int MAX_REQUEST_BYTES = 64 * 1024;

  /** A workload asks for a certificate and follows the bundle. */
  private static final int MAX_CALLS_PER_CONNECTION = 100;

  /** One, and one that takes its place. */
  private static final int MAX_BUNDLE_STREAMS = 2;

  /** The method that a workload without a certificate may call. */
  private static final Set<String> OPEN =
      Set.of(IdentityGrpc.getCertifyMethod().getFullMethodName());

  /** One part of this many of the heap is for requests that wait to be signed. */
  private static final int QUEUE_PART = 16;

  /** Threads that sign, at most; attestation may wait for the disk. */
  private static final int MAX_SIGNERS = 4;

  /** For a command to write a file. */
  private static final Duration OTHERS_WRITE = Duration.ofMinutes(1);

  /** Of the server, in the label of its metrics. */
  private static final String NAME = "identity";

  private final ControlServer server;
  private final WorkloadIdentity identity;
  private final TrustBundleStore bundles;
  private final AdoptionLedger ledger;
  private final CertificateAuthority authority;
  private final IssuedCertificates issued;
  private final FederationServices federation;
  private final Deque<AutoCloseable> parts;
  private final Revocations revocations;
  private volatile boolean closed;

  private IdentityServer(
      ControlServer server,
      WorkloadIdentity identity,
      TrustBundleStore bundles,
      AdoptionLedger ledger,
      CertificateAuthority authority,
      IssuedCertificates issued,
      FederationServices federation,
      Deque<AutoCloseable> parts,
      Revocations revocations) {
    this.server = server;
    this.revocations = revocations;
    this.issued = issued;
    this.federation = federation;
    this.parts = parts;
    this.identity = identity;
    this.bundles = bundles;
    this.ledger = ledger;
    this.authority = authority;
  }

  /**
   * Configuration of a server.
   *
   * @param stateDirectory directory of CA, bundle and token key; mode 0700
   * @param identity the server's own identity; its control-plane namespace and trust domain are
   *     those of the mesh
   * @param address address to bind; port 0 selects a free port
   * @param cleartext serve without TLS; only on a loopback address, and local callers are trusted
   * @param issuance how long leaves are valid
   * @param source external issuer and anchors; null for the CA in the state directory. Both are
   *     followed while the server runs
   * @param federation foreign trust domains, and the bundle endpoint
   * @param meters gets the metrics of the server
   * @param extension more services for operators
   */
  public record Config(
      Path stateDirectory,
      WorkloadIdentity identity,
      InetSocketAddress address,
      boolean cleartext,
      IssuancePolicy issuance,
      @Nullable AuthoritySource source,
      FederationConfig federation,
      ServerMeters meters,
      OperatorExtension.Factory extension) {
    /** A configuration without federation and extension. */
    public Config(
        Path stateDirectory,
        WorkloadIdentity identity,
        InetSocketAddress address,
        boolean cleartext,
        IssuancePolicy issuance,
        @Nullable AuthoritySource source,
        ServerMeters meters) {
      this(
          stateDirectory,
          identity,
          address,
          cleartext,
          issuance,
          source,
          FederationConfig.NONE,
          meters,
          OperatorExtension.NONE);
    }

    /** A configuration without federation and metrics. */
    public Config(
        Path stateDirectory,
        WorkloadIdentity identity,
        InetSocketAddress address,
        boolean cleartext,
        IssuancePolicy issuance,
        @Nullable AuthoritySource source) {
      this(stateDirectory, identity, address, cleartext, issuance, source, ServerMeters.none());
    }
  }

  /**
   * As {@link #start(Config, Attestation, ControlLoops, AuditLog, InstantSource)}, with workload
   * tokens, join tokens and renewals.
   */
  public static IdentityServer start(
      Config config, WorkloadTokens tokens, ControlLoops loops, AuditLog audit, InstantSource clock)
      throws IOException, PkiException {
    return start(config, Attestation.of(tokens), loops, audit, clock);
  }

  /**
   * Opens or makes the CA, checks that it can sign, binds and serves.
   *
   * @param attestation evidence that is accepted
   * @throws IOException when a file cannot be read or written, or an address cannot be bound
   * @throws PkiException when keys, certificates or bundle do not fit together; nothing has been
   *     bound then
   */
  public static IdentityServer start(
      Config config,
      Attestation attestation,
      ControlLoops loops,
      AuditLog audit,
      InstantSource clock)
      throws IOException, PkiException {
    Signatures.useNative();
    WorkloadIdentity own = config.identity();
    ServerMeters meters = config.meters();
    ReloadingAuthority reloading = null;
    CaHealthLog health = null;
    Deque<AutoCloseable> parts = new ArrayDeque<>();
    StateFiles.createDirectory(config.stateDirectory());
    // The socket's name first: it makes sure that the state directory has one server.
    LocalServer.Claim claim =
        LocalServer.claim(LocalServer.Config.ofOperators(socket(config.stateDirectory())));
    parts.addLast(claim);
    try {
      deleteUnfinished(config.stateDirectory());
      RevocationStore store = RevocationStore.open(config.stateDirectory(), clock);
      parts.push(store);
      AuthoritySource source = config.source();
      RetiredAnchors retired = RetiredAnchors.open(config.stateDirectory());
      parts.push(retired);
      MaterialCheck check =
          new MaterialCheck(
              own, config.issuance(), clock, () -> !store.isEmpty(), retired::refusal);
      EmbeddedAuthority embedded =
          source != null
              ? null
              : EmbeddedAuthority.open(
                  config.stateDirectory(), own.controlPlaneNamespace(), own.trustDomain(), clock);
      reloading =
          ReloadingAuthority.open(
              embedded == null ? Objects.requireNonNull(source) : embedded, check, clock);
      ReloadingAuthority issuers = reloading;
      TrustBundleStore bundles =
          TrustBundleStore.open(config.stateDirectory(), own.trustDomain(), reloading.anchors());
      if (source == null) {
        reloading.requireTrustedBy(bundles.get());
      }
      recordChanges(bundles, audit, clock);
      bundles.setBundle(reloading.anchors());
      CertificateAuthority authority =
          new CertificateAuthority(
              new KnowingIssuers(store, reloading), bundles, config.issuance(), clock);
      authority.requireIssuer();
      Revocations revocations = Revocations.open(store, own, authority, clock);
      parts.push(revocations);
      IssuedCertificates issued = IssuedCertificates.open(config.stateDirectory(), clock);
      parts.push(issued);
      LeafReports reports =
          LeafReports.open(config.stateDirectory(), LeafReports.Leaves.of(issued), clock);
      parts.push(reports);
      AdoptionLedger ledger = new AdoptionLedger(reports, config.issuance().lifetime(), clock);
      Security security;
      Supplier<RevocationList> revoked = revocations.store()::list;
      OwnCredentials credentials = new OwnCredentials(own, authority, bundles, revoked, clock);
      if (config.cleartext()) {
        security = new Security.Cleartext();
      } else {
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
      ControlServer.Config listen =
          new ControlServer.Config(
              config.address(),
              security,
              2,
              MAX_REQUEST_BYTES,
              MAX_CALLS_PER_CONNECTION,
              Map.of(TrustBundlesGrpc.getWatchMethod().getFullMethodName(), MAX_BUNDLE_STREAMS));
      health =
          new CaHealthLog(
              authority,
              bundles,
              CaHealth.Thresholds.of(config.issuance()),
              LifeWarnings.open(config.stateDirectory(), audit, clock),
              clock);
      health.bind(meters.registry());
      revocations.administer(issued, ledger, meters.registry());
      JwtKeyRotation jwtKeys = JwtKeyRotation.start(config.stateDirectory(), bundles, clock);
      parts.push(jwtKeys);
      FederationServices federation =
          FederationServices.start(
              config.federation(),
              config.stateDirectory(),
              bundles,
              credentials,
              audit,
              meters.registry(),
              clock);
      parts.push(federation);
      FederationAdminService federationAdmin = new FederationAdminService(bundles);
      federationAdmin.begin(federation);
      JoinTokens joins =
          JoinTokens.open(
              config.stateDirectory(), own.controlPlaneNamespace(), own.trustDomain(), clock);
      parts.push(joins);
      IssuanceQueue queue =
          IssuanceQueue.start(
              Runtime.getRuntime().maxMemory() / QUEUE_PART,
              Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MAX_SIGNERS));
      parts.push(queue);
      RenewalRequests renewals = new RenewalRequests(clock);
      IssuerRecords records = new IssuerRecords(audit, meters.registry(), clock);
      OperatorExtension extension =
          config
              .extension()
              .open(
                  new OperatorContext(
                      config.stateDirectory(),
                      own,
                      bundles,
                      authority,
                      issued,
                      ledger,
                      store,
                      retired,
                      renewals,
                      embedded,
                      () -> issuers.take(bundles, records),
                      config.issuance().lifetime(),
                      meters,
                      audit,
                      clock));
      parts.push(extension);
      List<BindableService> operators = new ArrayList<>(extension.services());
      operators.add(new IdentityAdminService(joins, audit, clock, revocations));
      operators.add(federationAdmin);
      IssuanceMeters.bind(meters.registry(), queue);
      parts.remove(claim);
      parts.addLast(claim.start(loops, operators));
      Attestor attestor =
          attestation.attestor(
              joins,
              new LeafRenewals(
                  issued, revoked, renewals::provesIdentity, attestation.renewalLimit(), clock));
      // Workloads hear with their first message what a rotation asks of them.
      extension.start();
      ControlServer server =
          ControlServer.start(
              listen,
              loops,
              meters.metered(
                  List.of(
                      new CertifyService(
                          authority,
                          attestor,
                          issued,
                          reports,
                          revocations.store(),
                          queue,
                          audit,
                          new IssuanceMeters(meters.registry()),
                          clock),
                      revocations.streams(bundles, federation, ledger, renewals, meters.registry()),
                      new JwtSvidService(
                          own,
                          new JwtSvidIssuer(jwtKeys.keys(), clock),
                          revoked,
                          audit,
                          new JwtSvidMeters(meters.registry()),
                          clock))));
      parts.push(server);
      parts.push(health);
      reloading.follow(bundles, records);
      parts.push(reloading);
      // Closed first: workloads whose streams the server ends have not gone away.
      parts.remove(extension);
      parts.push(extension);
      health.start();
      return new IdentityServer(
          server, own, bundles, ledger, authority, issued, federation, parts, revocations);
    } catch (IOException | PkiException | RuntimeException e) {
      if (health != null) {
        health.close();
      }
      if (reloading != null) {
        reloading.close();
      }
      closeAll(parts);
      throw e;
    }
  }

  /** Nobody else writes below the state directory, while commands of operators write into it. */
  private static void deleteUnfinished(Path stateDirectory) throws IOException {
    StateFiles.deleteUnfinished(stateDirectory, OTHERS_WRITE);
    StateFiles.deleteUnfinished(stateDirectory.resolve("ca"), Duration.ZERO);
    Path rotations = stateDirectory.resolve("rotations");
    StateFiles.deleteUnfinished(rotations, Duration.ZERO);
    if (Files.isDirectory(rotations)) {
      try (DirectoryStream<Path> each = Files.newDirectoryStream(rotations, Files::isDirectory)) {
        for (Path rotation : each) {
          StateFiles.deleteUnfinished(rotation, Duration.ZERO);
        }
      }
    }
  }

  /** Unix socket on which operators of the host administer the server of a state directory. */
  public static Path socket(Path stateDirectory) {
    return stateDirectory.resolve("identity.sock");
  }

  /** The issued leaves that have not expired. */
  public IssuedCertificates issued() {
    return issued;
  }

  /** Public documents for the admin server, by path: the signed revocation list. */
  public Map<String, AdminServer.DocumentSource> documents() {
    return Map.of("/crl", this::crl);
  }

  private AdminServer.Document crl() throws IOException, PkiException {
    RevocationPublisher.Publication publication = revocations.publisher().current();
    return new AdminServer.Document(
        publication.direct(),
        "application/pkix-crl",
        "crl-" + publication.number(),
        publication.thisUpdate());
  }

  /**
   * Whether workloads should be sent to this server: for {@code /ready}. It is ready until it is
   * closed, also while it issues nothing because the issuer is about to end or has ended. All
   * replicas have the same issuer, so no other one would serve better; and without any, workloads
   * would get neither the trust bundle with the next anchor nor revocations, and others no {@code
   * /crl}. That issuing has stopped is told by {@code signet_identity_ca_health}, in the log, and
   * to who asks for a certificate. A server that cannot issue does not start at all.
   */
  public boolean isReady() {
    return !closed;
  }

  /** The bound address. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** The server's own identity, which clients expect in its certificate. */
  public WorkloadIdentity identity() {
    return identity;
  }

  /** The store of the trust bundle in force. */
  public TrustBundleStore bundles() {
    return bundles;
  }

  /** Foreign trust domains, and the endpoint of the own bundle. */
  public FederationServices federation() {
    return federation;
  }

  /** The bundle and leaf that each workload reports to have in force. */
  public AdoptionLedger ledger() {
    return ledger;
  }

  /** The CA, for issuance within this process. */
  public CertificateAuthority authority() {
    return authority;
  }

  @Override
  public void close() {
    closed = true;
    closeAll(parts);
  }

  /** The server first, the name of the state directory last. */
  private static void closeAll(Deque<AutoCloseable> parts) {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        log.error("closing", e);
      }
    }
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
                        "jwt_authorities",
                        Integer.toString(bundle.jwtAuthorities().size()),
                        "digest",
                        HexFormat.of().formatHex(bundle.digest()))));
          }
        });
  }
}
