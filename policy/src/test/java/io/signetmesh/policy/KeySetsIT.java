package io.signetmesh.policy;

import static io.signetmesh.policy.ClusterObjects.NS;
import static io.signetmesh.policy.ClusterObjects.pod;
import static io.signetmesh.policy.ClusterObjects.server;
import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.crds.MeshResource;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.AuthorizationPolicySpec;
import io.signetmesh.crds.policy.LocalTargetRef;
import io.signetmesh.crds.policy.NamespacedTargetRef;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.token.JWTAuthenticationSpec;
import io.signetmesh.crds.token.TokenBinding;
import io.signetmesh.crds.token.TokenForwarding;
import io.signetmesh.crds.token.TokenKeys;
import io.signetmesh.crds.token.TokenSource;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.fetch.DocumentServer;
import io.signetmesh.policy.fetch.FetchSettings;
import io.signetmesh.policy.fetch.TestKeys;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.UnknownKey;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys on their way from an issuer's server to a proxy. */
final class KeySetsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String WEB = "{\"ns\":\"shop\",\"pod\":\"web\"}";
  private static final String ISSUER = "https://id.example";

  @TempDir private Path directory;

  private final ControlLoops loops = ControlLoops.start(1);
  private DocumentServer issuer;
  private InMemorySource source;
  private PolicyServer server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    issuer = DocumentServer.start();
    issuer.serve("/keys", TestKeys.set(TestKeys.key("one")));
    source =
        new InMemorySource(
            List.of(pod("web"), server("web", "web", 8080), requires(), authentication("1s")));
    startController();
  }

  private void startController() throws Exception {
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.Cleartext(),
                PolicyConfig.defaults("signet", "cluster.local"),
                new FetchSettings(
                    List.of(Cidr.parse("127.0.0.0/8")), directory.resolve("key-sets"), null),
                ServerMeters.none()),
            source,
            List.of(),
            loops,
            event -> {},
            InstantSource.system());
    channel =
        ControlChannel.openCleartext(
            new ControlChannel.Address("127.0.0.1", server.address().getPort()), loops);
  }

  private void stopController() {
    channel.shutdownNow();
    server.close();
  }

  @AfterEach
  void stop() {
    stopController();
    source.close();
    issuer.close();
    loops.close();
  }

  private static AuthorizationPolicy requires() {
    return new AuthorizationPolicy(
        MeshResource.named(NS, "p"),
        new AuthorizationPolicySpec(
            new LocalTargetRef("policy.linkerd.io", "Server", "web"),
            List.of(
                new NamespacedTargetRef(
                    "policy.signetmesh.io", "JWTAuthentication", "staff", null))));
  }

  private JWTAuthentication authentication(String refresh) {
    return new JWTAuthentication(
        MeshResource.named(NS, "staff"),
        new JWTAuthenticationSpec(
            ISSUER,
            List.of("shop"),
            false,
            new TokenKeys(
                issuer.urlByAddress("/keys"),
                null,
                null,
                null,
                null,
                issuer.caBundle(),
                refresh,
                "1h"),
            List.of("ES256"),
            List.of(new TokenSource("Authorization", "Bearer ", null, null)),
            "60s",
            false,
            null,
            List.of(),
            TokenBinding.NONE,
            TokenForwarding.NOTHING,
            false));
  }

  private static Predicate<JwtKeySet> has(String kid) {
    return set -> set.getJwks().contains("\"" + kid + "\"");
  }

  @Test
  void keysFollowTheIssuerAndOutliveItsAbsence() throws Exception {
    Watch watch = watch();
    assertThat(watch.until(has("one")).hasExpiresAt()).isTrue();
    issuer.serve("/keys", TestKeys.set(TestKeys.key("one"), TestKeys.key("two")));
    watch.until(has("two"));
    // The withdrawn key is gone.
    String two = TestKeys.key("two");
    issuer.serve("/keys", TestKeys.set(two));
    watch.until(has("two").and(has("one").negate()));

    for (Runnable trouble :
        List.<Runnable>of(
            () -> issuer.serve("/keys", 503, ""),
            () -> issuer.serve("/keys", "<html>"),
            () -> issuer.serve("/keys", "{\"keys\":[]}"),
            () -> issuer.serve("/keys", " ".repeat(300_000)))) {
      trouble.run();
      await(() -> state().equals("stale"));
      assertThat(keys()).contains("\"two\"");
      issuer.serve("/keys", TestKeys.set(two));
      await(() -> state().equals("fresh"));
    }
    await(
        () ->
            server.reported().stream().noneMatch(finding -> finding.rule().startsWith("key-set")));

    int port = issuer.port();
    issuer.close();
    await(() -> state().equals("stale"));
    await(
        () ->
            server.reported().stream()
                .anyMatch(
                    finding ->
                        finding.rule().equals("key-set-stale")
                            && finding.text().contains("127.0.0.1:" + port)));
    stopController();
    startController();
    assertThat(watch().next().getSignetJwtAuthentications(0).getKeySet().getJwks())
        .contains("\"two\"");
    EnforcementStatus status = server.status(NS);
    assertThat(status.getKeySets(0).getAuthentication()).isEqualTo("shop/staff");
    assertThat(status.getKeySets(0).getKeys()).isEqualTo(1);
  }

  @Test
  void aKeyThatAProxyMissesIsFetchedAtOnce() throws Exception {
    source.replace(
        List.of(pod("web"), server("web", "web", 8080), requires(), authentication("30m")));
    Watch watch = watch();
    watch.until(has("one"));
    issuer.serve("/keys", TestKeys.set(TestKeys.key("two")));
    StreamObserver<EnforcementReport> reports =
        PolicyEnforcementGrpc.newStub(channel).report(new Ignored());
    reports.onNext(
        EnforcementReport.newBuilder()
            .setWorkload(WEB)
            .addUnknownKeys(UnknownKey.newBuilder().setAuthentication("shop/other").setKeyId("two"))
            .addUnknownKeys(UnknownKey.newBuilder().setAuthentication("nonsense"))
            .addUnknownKeys(UnknownKey.newBuilder().setAuthentication("shop/staff").setKeyId("two"))
            .build());
    watch.until(has("two"));
    reports.onCompleted();
  }

  @Test
  void aProxyThatDoesNotKnowTokensGetsNoGrant() throws Exception {
    watch().until(has("one"));
    Server plain =
        InboundServerPoliciesGrpc.newBlockingStub(channel)
            .getPort(PortSpec.newBuilder().setWorkload(WEB).setPort(8080).build());
    assertThat(plain.getAuthorizationsList()).isEmpty();
    assertThat(plain.getSignetJwtAuthenticationsList()).isEmpty();
  }

  private String state() {
    return server.keySets().getFirst().state().code();
  }

  private String keys() {
    return server
        .index()
        .policy(TestPolicies.WEB, 8080)
        .orElseThrow()
        .server()
        .getSignetJwtAuthentications(0)
        .getKeySet()
        .getJwks();
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      Thread.sleep(10);
    }
  }

  private Watch watch() {
    Watch watch = new Watch();
    InboundServerPoliciesGrpc.newStub(channel)
        .watchPort(
            PortSpec.newBuilder()
                .setWorkload(WEB)
                .setPort(8080)
                .addSignetFeatures("generation")
                .addSignetFeatures("jwt")
                .build(),
            watch);
    return watch;
  }

  private static final class Watch implements StreamObserver<Server> {
    private final BlockingQueue<Server> messages = new LinkedBlockingQueue<>();

    Server next() throws InterruptedException {
      Server message = messages.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(message).as("next state").isNotNull();
      return message;
    }

    /** The keys of the first state that is so. */
    JwtKeySet until(Predicate<JwtKeySet> wanted) throws InterruptedException {
      while (true) {
        Server message = next();
        assertThat(message.getAuthorizations(0).getSignetTokensList())
            .containsExactly("shop/staff");
        JwtKeySet keys = message.getSignetJwtAuthentications(0).getKeySet();
        if (wanted.test(keys)) {
          return keys;
        }
      }
    }

    @Override
    public void onNext(Server message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }

  private static final class Ignored implements StreamObserver<EnforcementSummary> {
    @Override
    public void onNext(EnforcementSummary summary) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onCompleted() {}
  }
}
