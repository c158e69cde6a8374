package io.signetmesh.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.BindableService;
import io.grpc.stub.StreamObserver;
import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.RecordSequence;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A journal of a data plane and a collector, over a connection as proxies have it. */
@Timeout(60)
final class AuditDeliveryTest {
  private final DataPlane plane = DataPlane.start("nio", 1);
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<Long> collected = new CopyOnWriteArrayList<>();

  @TempDir private Path directory;

  @AfterEach
  void close() {
    plane.close();
    loops.close();
  }

  private BindableService collector() {
    return new AuditCollectorGrpc.AuditCollectorImplBase() {
      @Override
      public StreamObserver<AuditBatch> deliver(StreamObserver<AuditReceipt> receipts) {
        return new StreamObserver<>() {
          @Override
          public void onNext(AuditBatch batch) {
            batch
                .getLinesList()
                .forEach(
                    line -> {
                      byte[] bytes = line.toByteArray();
                      collected.add(RecordSequence.of(bytes, 0, bytes.length));
                    });
            receipts.onNext(
                AuditReceipt.newBuilder()
                    .setDurableSequence(collected.isEmpty() ? 0 : collected.getLast())
                    .build());
          }

          @Override
          public void onError(Throwable cause) {}

          @Override
          public void onCompleted() {
            receipts.onCompleted();
          }
        };
      }
    };
  }

  private ProxyConfig config(int port) throws Exception {
    byte[] anchor =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned()
            .getCertificate()
            .getEncoded();
    Map<String, String> environment = new HashMap<>();
    environment.put("LINKERD2_PROXY_POLICY_WORKLOAD", "shop:web");
    environment.put(
        "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
        "web.shop.serviceaccount.identity.linkerd.cluster.local");
    environment.put(
        "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS",
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder().encodeToString(anchor)
            + "\n-----END CERTIFICATE-----\n");
    environment.put("LINKERD2_PROXY_IDENTITY_TOKEN_FILE", "token");
    for (String service : List.of("IDENTITY", "DESTINATION", "POLICY")) {
      environment.put("LINKERD2_PROXY_" + service + "_SVC_ADDR", "127.0.0.1:1");
    }
    environment.put("SIGNET_PROXY_CONTROL_CLEARTEXT", "true");
    environment.put("SIGNET_PROXY_AUDIT_SVC_ADDR", "127.0.0.1:" + port);
    return ProxyConfig.from(environment);
  }

  @Test
  void recordsAreDeliveredFromTheFirstCertificateToTheEnd() throws Exception {
    InstantSource clock = InstantSource.system();
    try (ControlServer server =
        ControlServer.start(
            ControlServer.Config.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new ControlServer.Security.Cleartext()),
            loops,
            List.of(collector()))) {
      AuditDelivery delivery = new AuditDelivery(plane, config(server.address().getPort()));
      Journal journal =
          plane.journals().open(JournalConfig.of(directory.resolve("a.jsonl")), "shop/web", clock);
      CompletableFuture<String> certified = new CompletableFuture<>();
      delivery.of(
          journal,
          certified,
          () -> {
            throw new IllegalStateException("cleartext needs none");
          },
          loops,
          clock);
      MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(10));
      delivery.expose(registry);
      record(journal);
      assertThat(collected).isEmpty();
      certified.complete("leaf");
      while (collected.isEmpty()) {
        Thread.onSpinWait();
      }
      record(journal);
      journal.close();
      delivery.close();
    }
    assertThat(collected).containsExactly(1L, 2L);
  }

  private static void record(Journal journal) {
    journal.record(new AdministrativeEvent(0, "bundle-changed", "identity", "x", Map.of()));
  }
}
