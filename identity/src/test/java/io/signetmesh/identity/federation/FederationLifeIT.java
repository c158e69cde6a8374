package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Federation with an endpoint that serves, rotates and vanishes. */
@Timeout(60)
class FederationLifeIT {
  private static final String B = "b.example";
  private static final TestPki OWN = TestPki.create("own");
  private static final TestPki FOREIGN = TestPki.create("b");
  private static final TestPki NEXT = TestPki.create("b next");

  @TempDir Path directory;
  private final Queue<AdministrativeEvent> recorded = new ConcurrentLinkedQueue<>();
  private final AtomicReference<TrustBundle> served = new AtomicReference<>(bundle(3, FOREIGN));
  private final AtomicReference<Credentials> server = new AtomicReference<>(credentials(FOREIGN));
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private BundleEndpoint endpoint;
  private Path file;

  private static TrustBundle bundle(long version, TestPki... pkis) {
    return new TrustBundle(
        version, B, Arrays.stream(pkis).map(pki -> pki.anchor().getCertificate()).toList());
  }

  private static Credentials credentials(TestPki pki) {
    try {
      CertificateBuilder leaf =
          TestPki.leaf("server.b.example").addSanUriName("spiffe://b.example/server");
      X509Bundle issued = TestPki.issued(leaf, pki.issuer());
      return new Credentials(
          new WorkloadCertificate(issued.getKeyPair().getPrivate(), pki.chain(issued)),
          bundle(1, pki));
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @BeforeEach
  void serve() throws Exception {
    endpoint =
        BundleEndpoint.start(
            new BundleEndpoint.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), null),
            server::get,
            served::get,
            registry,
            Clock.systemUTC());
    Files.writeString(directory.resolve("b.pem"), Certificates.toPem(bundle(1, FOREIGN).anchors()));
    file = directory.resolve("federation.yaml");
    Files.writeString(file, configuration("b.pem"));
  }

  private String configuration(String initial) {
    return """
        trustDomains:
          - trustDomain: b.example
            bundleEndpointUrl: https://127.0.0.1:%d/
            profile: https_spiffe
            endpointSpiffeId: spiffe://b.example/server
            initialBundle: %s
            minRefresh: 1s
            maxRefresh: 1s
        """
        .formatted(endpoint.address().getPort(), initial);
  }

  @AfterEach
  void stop() {
    endpoint.close();
  }

  private Federation start() throws Exception {
    return Federation.start(
        file,
        directory.resolve("state"),
        OWN.trust(),
        event -> recorded.add((AdministrativeEvent) event),
        registry,
        Clock.systemUTC());
  }

  private static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + 20_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(end);
      LockSupport.parkNanos(10_000_000);
    }
  }

  private static boolean trusts(Federation federation, TestPki... pkis) {
    return federation.bundles().get().stream()
        .anyMatch(bundle -> bundle.anchors().equals(bundle(1, pkis).anchors()));
  }

  @Test
  void rotationOfAnchorAndServerIsFollowedWithoutHelp() throws Exception {
    try (Federation federation = start()) {
      assertThat(trusts(federation, FOREIGN)).isTrue();

      served.set(bundle(4, FOREIGN, NEXT));
      await(() -> trusts(federation, FOREIGN, NEXT));
      server.set(credentials(NEXT));
      served.set(bundle(5, NEXT));
      await(() -> trusts(federation, NEXT));
    }
    // What was fetched is what a restart begins with, not what is configured.
    try (Federation federation = start()) {
      assertThat(trusts(federation, NEXT)).isTrue();
      await(() -> federation.status().getFirst().succeeded() != null);
      assertThat(
              registry
                  .get("signet.federation.bundle.sequence")
                  .tag("trust_domain", B)
                  .gauge()
                  .value())
          .isEqualTo(5);
    }
    assertThat(recorded)
        .extracting(AdministrativeEvent::act)
        .containsExactly(
            "federated-bundle-changed", "federated-bundle-changed", "federated-bundle-changed");
  }

  @Test
  void endpointUnderAnUnannouncedAnchorIsRefusedAndTheBundleStays() throws Exception {
    try (Federation federation = start()) {
      await(() -> federation.status().getFirst().succeeded() != null);
      server.set(credentials(NEXT));
      served.set(bundle(9, NEXT));

      await(() -> federation.status().getFirst().refusals() >= 2);

      assertThat(trusts(federation, FOREIGN)).isTrue();
      assertThat(recorded)
          .filteredOn(event -> event.act().equals("federated-bundle-refused"))
          .hasSize(1);
      assertThat(
              registry
                  .get("signet.federation.bundle.refusals")
                  .tag("trust_domain", B)
                  .functionCounter()
                  .count())
          .isGreaterThanOrEqualTo(2);

      // An operator brings the new anchor.
      Files.writeString(
          directory.resolve("next.pem"), Certificates.toPem(bundle(1, NEXT).anchors()));
      Files.writeString(file, configuration("next.pem"));
      await(() -> trusts(federation, NEXT) && federation.status().getFirst().refusal() == null);
    }
  }

  @Test
  void editsOfTheFileTakeEffectAndBrokenOnesDoNot() throws Exception {
    try (Federation federation = start()) {
      await(() -> federation.status().getFirst().succeeded() != null);
      Files.writeString(file, "trustDomains: {");
      await(
          () ->
              recorded.stream()
                  .anyMatch(event -> event.act().equals("federation-configuration-refused")));
      assertThat(trusts(federation, FOREIGN)).isTrue();

      Files.writeString(file, "trustDomains: []");
      await(() -> federation.bundles().get().isEmpty());
      await(() -> recorded.stream().anyMatch(event -> event.act().equals("federation-removed")));
      assertThat(federation.status()).isEmpty();
      assertThat(registry.find("signet.federation.bundle.sequence").gauge()).isNull();
      assertThat(directory.resolve("state/federation/b.example.json")).doesNotExist();
    }
  }

  @Test
  void wrongConfigurationKeepsTheServerFromStarting() throws Exception {
    Files.writeString(file, configuration("none.pem"));

    assertThatThrownBy(this::start)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("initialBundle");
  }
}
