package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A client against a real server over real TLS, through what goes wrong in between. */
@Timeout(90)
class IdentityClientIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final IssuancePolicy SHORT =
      new IssuancePolicy(Duration.ofSeconds(3), Duration.ZERO);

  @TempDir Path state;
  @TempDir Path files;

  private final InstantSource clock = InstantSource.system();
  private final ConcurrentLinkedQueue<AuditEvent> audit = new ConcurrentLinkedQueue<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private WorkloadTokens tokens;
  private Path tokenFile;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    tokenFile = files.resolve("token");
    tokens.issueTo(tokenFile, "shop", "web", Duration.ofMinutes(5));
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void eachRenewalHasAFreshKeyAndIsReportedAndNoGapLiesBetween() throws Exception {
    // A renewal has three tenths of that, however busy the machine.
    IdentityServer server = server(new IssuancePolicy(Duration.ofSeconds(8), Duration.ZERO), 0);
    ConcurrentLinkedQueue<Credentials> seen = new ConcurrentLinkedQueue<>();
    IdentityClient client = client(server);
    client.onChange(seen::add);
    client.firstCredentials().get(20, TimeUnit.SECONDS);

    await(
        () -> {
          assertThat(client.isCertified()).isTrue();
          return client.metrics().refreshes() >= 3;
        });

    Set<PublicKey> keys = new HashSet<>();
    seen.forEach(credentials -> keys.add(credentials.certificate().leaf().getPublicKey()));
    assertThat(keys).hasSizeGreaterThanOrEqualTo(3);
    assertThat(client.metrics().failures()).isZero();
    await(
        () ->
            server.ledger().adoptions().stream()
                .anyMatch(
                    adoption ->
                        adoption
                            .report()
                            .getLeaf()
                            .getSerial()
                            .equals(
                                client
                                    .credentials()
                                    .certificate()
                                    .leaf()
                                    .getSerialNumber()
                                    .toString(16))));
  }

  @Test
  void clientThatStartsBeforeTheControlPlaneIsCertifiedWhenItComes() throws Exception {
    IdentityServer first = server(SHORT, 0);
    int port = first.address().getPort();
    TrustBundle anchors = anchors(first);
    first.close();
    IdentityClient client = client(anchors, port, SERVER.dnsName());
    await(() -> client.metrics().failures() >= 2);
    assertThat(client.isCertified()).isFalse();
    assertThat(client.current()).isNull();
    assertThatThrownBy(client::credentials).hasMessageContaining("no credentials yet");

    server(SHORT, port);

    assertThat(client.firstCredentials().get(20, TimeUnit.SECONDS)).isNotNull();
    assertThat(client.isCertified()).isTrue();
  }

  @Test
  void clientWhoseLeafExpiredWhileTheControlPlaneWasGoneGetsAnother() throws Exception {
    IdentityServer server = server(SHORT, 0);
    IdentityClient client = client(server);
    client.firstCredentials().get(20, TimeUnit.SECONDS);
    server.close();

    await(() -> !client.isCertified());
    // What was there stays: whether it is of use is the verifier's decision.
    assertThat(client.current()).isNotNull();
    long before = client.metrics().refreshes();
    IdentityServer back = server(SHORT, server.address().getPort());

    await(client::isCertified);
    assertThat(client.metrics().refreshes()).isGreaterThan(before);
    // The stream for bundles, which shows the leaf, comes back as well.
    await(
        () ->
            back.ledger().adoptions().stream()
                .anyMatch(
                    adoption -> adoption.connected() && adoption.identity().equals(WEB.dnsName())));
  }

  @Test
  void missingTokenIsNamedAndOneThatComesLaterIsTaken() throws Exception {
    Files.delete(tokenFile);
    IdentityClient client = client(server(SHORT, 0));
    await(() -> client.metrics().failures() >= 2);
    assertThat(audit).noneMatch(IdentityClientIT::isAboutACertificate);

    tokens.issueTo(tokenFile, "shop", "web", Duration.ofMinutes(5));

    client.firstCredentials().get(20, TimeUnit.SECONDS);
  }

  @Test
  void foreignExpiredAndOthersTokensGetNothingUntilARightOneIsThere(@TempDir Path other)
      throws Exception {
    IdentityServer server = server(SHORT, 0);
    WorkloadTokens foreign = WorkloadTokens.open(other, "signet", "cluster.local", clock);
    foreign.issueTo(tokenFile, "shop", "web", Duration.ofMinutes(5));
    IdentityClient client = client(server);
    awaitRefusal("is not signed by the token key of this control plane");

    Instant old = clock.instant().minus(Duration.ofHours(2));
    WorkloadTokens.open(state, "signet", "cluster.local", InstantSource.fixed(old))
        .issueTo(tokenFile, "shop", "web", Duration.ofHours(1));
    awaitRefusal("is expired at");

    tokens.issueTo(tokenFile, "shop", "cart", Duration.ofMinutes(5));
    awaitRefusal("the token is of cart.shop.serviceaccount.identity.signet.cluster.local");

    Files.writeString(tokenFile, "garbage");
    awaitRefusal("is not a signed JWT");
    assertThat(client.isCertified()).isFalse();

    tokens.issueTo(tokenFile, "shop", "web", Duration.ofMinutes(5));
    client.firstCredentials().get(20, TimeUnit.SECONDS);
    assertThat(client.isCertified()).isTrue();
  }

  @Test
  void serverWithAnotherIdentityOrOfAnotherCaNeverSeesTheToken() throws Exception {
    IdentityServer server = server(SHORT, 0);
    IdentityClient otherName = client(anchors(server), port(server), WEB.dnsName());
    IdentityClient otherCa =
        client(TestPki.create("other").trust().withVersion(0), port(server), SERVER.dnsName());

    await(() -> otherName.metrics().failures() >= 2 && otherCa.metrics().failures() >= 2);

    assertThat(otherName.current()).isNull();
    assertThat(otherCa.current()).isNull();
    // Every Certify that reaches the server is on record, whatever comes of it.
    assertThat(audit).noneMatch(IdentityClientIT::isAboutACertificate);
  }

  @Test
  void serverThatAcceptsAndIsSilentDoesNotHoldTheClientForEver() throws Exception {
    TrustBundle anchors;
    try (IdentityServer first = server(SHORT, 0)) {
      anchors = anchors(first);
    }
    int port;
    IdentityClient client;
    List<Socket> held = new ArrayList<>();
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      threads.submit(
          () -> {
            while (true) {
              held.add(silent.accept());
            }
          });
      port = silent.getLocalPort();
      client = client(anchors, port, SERVER.dnsName());
      await(() -> client.metrics().failures() >= 1);
      silent.close();
    }
    // The thread that accepts has ended by now.
    for (Socket socket : held) {
      socket.close();
    }
    server(SHORT, port);

    client.firstCredentials().get(30, TimeUnit.SECONDS);
  }

  @Test
  void listenerThatFailsHindersNobody() throws Exception {
    IdentityClient client = client(server(SHORT, 0));
    ConcurrentLinkedQueue<Credentials> seen = new ConcurrentLinkedQueue<>();
    client.onChange(
        credentials -> {
          throw new IllegalStateException("listener fails, as the test wants");
        });
    client.onChange(seen::add);

    await(() -> client.metrics().refreshes() >= 2 && seen.size() >= 2);
  }

  @Test
  void clientBesideOneThatFollowsTheTrustBundleHasItWithTheFirstCertificate() throws Exception {
    IdentityServer server = server(new IssuancePolicy(Duration.ofHours(1), Duration.ZERO), 0);
    IdentityClient first = client(server);
    assertThat(first.trustNow()).isNull();
    first.firstCredentials().get(20, TimeUnit.SECONDS);
    await(() -> first.trustNow() != null);
    try (var timer = Executors.newSingleThreadScheduledExecutor();
        WorkloadThreads threads = new WorkloadThreads(2, timer);
        IdentityClient second =
            IdentityClient.start(
                config(anchors(server), port(server), SERVER.dnsName()),
                loops,
                threads.newTurn("second"),
                clock,
                first::trustNow)) {
      List<Boolean> waited = new CopyOnWriteArrayList<>();
      second.onChange(credentials -> waited.add(second.trustNow() != null));
      Credentials credentials = second.firstCredentials().get(20, TimeUnit.SECONDS);
      // Before a message of its own, which would have brought an equal one.
      assertThat(waited).first().isEqualTo(false);
      assertThat(credentials.peers()).isSameAs(first.credentials().peers());
      await(() -> second.trustNow() != null);
    }
    server.close();
    // What was true may have changed since.
    await(() -> first.trustNow() == null);
    assertThat(first.current()).isNotNull();
  }

  @Test
  void clientLeavesTheConnectionThatItAskedWithoutCertificateOn() throws Exception {
    IdentityClient client =
        client(server(new IssuancePolicy(Duration.ofHours(1), Duration.ZERO), 0));
    client.firstCredentials().get(20, TimeUnit.SECONDS);
    // What is left is the connection of the trust bundle stream.
    await(() -> loops.load().connections() == 1);
  }

  @Test
  void cleartextToAnotherHostIsRefused() {
    assertThatThrownBy(
            () ->
                IdentityClient.Config.of(
                    WEB.dnsName(),
                    tokenFile,
                    TestPki.create("x").trust(),
                    new ControlChannel.Address("192.0.2.1", 8080),
                    null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("needs a server name: it is not on a loopback address");
  }

  private static boolean isAboutACertificate(AuditEvent event) {
    return event instanceof AdministrativeEvent act && act.act().startsWith("certificate-");
  }

  private IdentityServer server(IssuancePolicy policy, int port) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        return keep(
            IdentityServer.start(
                new IdentityServer.Config(
                    state, SERVER, new InetSocketAddress("127.0.0.1", port), false, policy, null),
                Attestation.of(tokens),
                loops,
                audit::add,
                clock));
      } catch (IOException e) {
        // A fixed port is free only when the server before has gone.
        if (port == 0 || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    }
  }

  private IdentityClient client(IdentityServer of) {
    return client(anchors(of), port(of), SERVER.dnsName());
  }

  private IdentityClient client(TrustBundle anchors, int port, @Nullable String serverName) {
    return keep(IdentityClient.start(config(anchors, port, serverName), loops, clock));
  }

  private IdentityClient.Config config(TrustBundle anchors, int port, @Nullable String serverName) {
    return new IdentityClient.Config(
        WEB.dnsName(),
        tokenFile,
        anchors,
        new ControlChannel.Address("127.0.0.1", port),
        serverName,
        Duration.ofMillis(100),
        Duration.ofHours(1));
  }

  private static TrustBundle anchors(IdentityServer of) {
    return of.bundles().get().withVersion(0);
  }

  private static int port(IdentityServer of) {
    return of.address().getPort();
  }

  private void awaitRefusal(String reason) {
    Predicate<AuditEvent> refusal =
        event ->
            event instanceof AdministrativeEvent act
                && act.act().equals("certificate-refused")
                && String.valueOf(act.attributes().get("reason")).contains(reason);
    await(() -> audit.stream().anyMatch(refusal));
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
