package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.identity.server.OperatorContext;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.GeneratedAnchor;
import io.signetmesh.v1.GetTrustRequest;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationObstacle;
import io.signetmesh.v1.TrustRotationsGrpc;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An identity server with rotations and clients, in one process. */
abstract class RotationServer {
  static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");

  @TempDir Path state;
  @TempDir Path files;

  final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();

  /** Done on the thread that records an event. */
  volatile Consumer<AuditEvent> onRecord = event -> {};

  final ControlLoops loops = ControlLoops.start(1);
  final List<AutoCloseable> open = new ArrayList<>();
  WorkloadTokens tokens;
  IdentityServer server;
  private @Nullable OperatorContext parts;
  FederationConfig federation = FederationConfig.NONE;

  /** Of the server that was started last. */
  ServerMeters meters = ServerMeters.none();

  List<X509Certificate> before;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", Clock.systemUTC());
    server = startServer(0);
    before = server.bundles().get().anchors();
  }

  private void record(AuditEvent event) {
    audit.add(event);
    onRecord.accept(event);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    server.close();
    meters.close();
    loops.close();
  }

  OperatorContext parts() {
    return Objects.requireNonNull(parts);
  }

  StartRotationRequest request() {
    return StartRotationRequest.newBuilder()
        .setGenerate(GeneratedAnchor.getDefaultInstance())
        .setReason("test")
        .build();
  }

  void rotate(StartRotationRequest request) throws IOException {
    StartRotationResponse response = rotations().startRotation(request);
    assertThat(response.hasRotation()).as("%s", response.getFindingsList()).isTrue();
  }

  List<X509Certificate> newAnchors() {
    List<X509Certificate> anchors = new ArrayList<>(server.bundles().get().anchors());
    anchors.removeAll(before);
    return anchors;
  }

  TrustRotation awaitEnd() throws Exception {
    await(
        "end of the rotation", () -> trust().getRotation().getPhase() == TrustRotation.Phase.DONE);
    return trust().getRotation();
  }

  void awaitPhase(TrustRotation.Phase phase) throws Exception {
    await(
        phase.toString(), () -> trust().getRotation().getPhase().getNumber() >= phase.getNumber());
  }

  TrustRotationObstacle awaitObstacle(String kind) throws Exception {
    List<TrustRotationObstacle> found = new ArrayList<>();
    await(
        "obstacle " + kind,
        () -> {
          GetTrustResponse now = trust();
          now.getRotation().getObstaclesList().stream()
              .filter(obstacle -> obstacle.getKind().equals(kind))
              .forEach(found::add);
          return !found.isEmpty();
        });
    return found.getFirst();
  }

  /** The server has seen that a stream has ended. */
  void awaitGone() throws Exception {
    await("a workload that went away", () -> trust().getGone() == 1);
  }

  /** A condition that may fail for a while, because the server is restarted. */
  @FunctionalInterface
  interface Condition {
    boolean holds() throws Exception;
  }

  void await(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("%s: %s", what, trust()).isLessThan(end);
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  GetTrustResponse trust() {
    return rotations().getTrust(GetTrustRequest.getDefaultInstance());
  }

  List<String> phasesOnRecord() {
    List<String> phases = new ArrayList<>();
    for (AuditEvent event : audit) {
      if (event instanceof AdministrativeEvent act && act.act().equals("trust-rotation")) {
        phases.add(act.attributes().get("phase"));
      }
    }
    return phases;
  }

  static boolean isTrusted(Credentials peer, List<X509Certificate> anchors) {
    return isTrusted(peer, PeerTrust.of(new TrustBundle(1, "cluster.local", anchors)));
  }

  static boolean isTrusted(Credentials peer, PeerTrust trust) {
    try {
      for (ChainVerifier.Purpose purpose : ChainVerifier.Purpose.values()) {
        ChainVerifier.of(trust, Clock.systemUTC()).verify(peer.certificate().chain(), purpose);
      }
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  TrustRotationsGrpc.TrustRotationsBlockingStub rotations() {
    ManagedChannel channel = localChannel();
    return TrustRotationsGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private @Nullable ManagedChannel local;

  ManagedChannel localChannel() {
    ManagedChannel made = local;
    if (made == null) {
      made = ControlChannel.openLocal(IdentityServer.socket(state), loops);
      open.add(made::shutdownNow);
      local = made;
    }
    return made;
  }

  IdentityServer startServer(int port) throws Exception {
    meters.close();
    meters = ServerMeters.start("identity", loops::load, null);
    return startServer(state, SERVER, port, federation, meters);
  }

  IdentityServer startServer(
      Path state,
      WorkloadIdentity identity,
      int port,
      FederationConfig federation,
      ServerMeters meters)
      throws Exception {
    return IdentityServer.start(
        new IdentityServer.Config(
            state,
            identity,
            new InetSocketAddress("127.0.0.1", port),
            false,
            IssuancePolicy.DEFAULT,
            null,
            federation,
            meters,
            context -> {
              if (identity == SERVER) {
                parts = context;
              }
              return TrustRotationExtension.open(context);
            }),
        Attestation.of(tokens),
        loops,
        this::record,
        Clock.systemUTC());
  }

  static WorkloadIdentity identity(String name) {
    return new WorkloadIdentity(name, "shop", "signet", "cluster.local");
  }

  IdentityClient client(String name) throws Exception {
    return client(name, loops);
  }

  /** Its connections end, and it says nothing. */
  IdentityClient crashed(String name) throws Exception {
    ControlLoops own = ControlLoops.start(1);
    IdentityClient client = client(name, own);
    // The client is closed later: nothing may be left that could say good-bye.
    own.close();
    awaitGone();
    return client;
  }

  IdentityClient client(String name, ControlLoops loops) throws Exception {
    return client(name, loops, server.address().getPort());
  }

  IdentityClient client(String name, ControlLoops loops, int port) throws Exception {
    WorkloadIdentity identity = identity(name);
    Path token = files.resolve(name + ".token");
    tokens.issueTo(token, "shop", name, java.time.Duration.ofMinutes(5));
    IdentityClient client =
        IdentityClient.start(
            IdentityClient.Config.of(
                identity.dnsName(),
                token,
                server.bundles().get().withVersion(0),
                new ControlChannel.Address("127.0.0.1", port),
                SERVER.dnsName()),
            loops,
            Clock.systemUTC());
    open.add(client);
    client.firstCredentials().get(30, TimeUnit.SECONDS);
    await(
        "report of " + name,
        () ->
            server.ledger().adoptions().stream()
                .anyMatch(a -> a.identity().equals(identity.dnsName())));
    return client;
  }

  void close(IdentityClient client) {
    client.close();
    open.remove(client);
  }
}
