package io.signetmesh.e2e.anchor;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.e2e.Applications;
import io.signetmesh.e2e.Applications.TcpServer;
import io.signetmesh.e2e.harness.Await;
import io.signetmesh.e2e.harness.HttpConnection;
import io.signetmesh.e2e.harness.LedgerConnection;
import io.signetmesh.e2e.harness.Load;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Thief;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Somebody has copied all keys of the CA, and makes certificates that the mesh never issued: until
 * the anchor is replaced, they are as good as any.
 */
@Tag("alone")
@Timeout(300)
class StolenCaIT {
  private static final int HTTP = 18_080;
  private static final int TCP = 17_070;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** In which forged leaves have to be refused everywhere, from the start of the rotation. */
  private static final Duration LIMIT = Duration.ofSeconds(5);

  /** The limit is for machines on which a handshake and its answer take so long at most. */
  private static final Duration CALL = Duration.ofMillis(50);

  @TempDir private Path directory;

  private final List<SSLSocket> kept = new ArrayList<>();
  private final Map<String, CompletableFuture<Long>> cuts = new TreeMap<>();

  @Test
  void forgedLeavesAreRefusedEverywhereWithinSecondsAndTrafficRecoversByItself() throws Exception {
    try (Mesh mesh = Mesh.create(directory);
        ControlLoops loops = ControlLoops.start(1)) {
      List<MeshWorkload> web = List.of(web(mesh, "web"), web(mesh, "cart"));
      List<MeshWorkload> ledgers = List.of(ledger(mesh, "ledger"), ledger(mesh, "bank"));
      MeshWorkload frontend = client(web(mesh, "frontend"));
      MeshWorkload batch = mesh.workload("batch");
      mesh.start();
      for (MeshWorkload server : List.of(web.get(0), web.get(1), frontend)) {
        mesh.closeWithMesh(TcpServer.start(server.at(8080), Applications::targets));
      }
      for (MeshWorkload server : ledgers) {
        mesh.closeWithMesh(TcpServer.start(server.at(7070), StolenCaIT::balances));
      }
      batch.proxy().kill();

      assertThat(trust(mesh, "rotate", "--compromised", "--plan").output())
          .containsPattern(
              "(?s)Cut off until they get a new certificate: 1 workload\\s.*batch\\.shop");

      Thief thief = Thief.copyKeys(mesh);
      WorkloadIdentity victim = mesh.identity(frontend);
      BigInteger onRecord;
      try (SSLSocket socket =
          Thief.connect(
              frontend.at(HTTP),
              victim.dnsName(),
              thief.forgeUnderOwnIssuer(mesh.identity("web")))) {
        onRecord = Thief.serialOf(socket);
      }
      WorkloadCertificate byIssuer = thief.forgedLeaf(victim, onRecord);
      Map<String, WorkloadCertificate> forged =
          Map.of("stolen issuer", byIssuer, "stolen anchor", thief.forgeUnderOwnIssuer(victim));

      try (ForgedCalls calls = new ForgedCalls();
          Load load = load(frontend)) {
        Queue<List<X509Certificate>> gained = new ConcurrentLinkedQueue<>();
        for (Map.Entry<String, WorkloadCertificate> one : forged.entrySet()) {
          String by = one.getKey();
          WorkloadCertificate leaf = one.getValue();
          for (MeshWorkload server : List.of(web.get(0), web.get(1), frontend)) {
            String name = mesh.identity(server).dnsName();
            calls.keep(
                server.name() + " by " + by,
                () -> {
                  try (SSLSocket socket = Thief.connect(server.at(HTTP), name, leaf)) {
                    get(socket);
                  }
                });
            keepOpen(server.name() + " by " + by, Thief.connect(server.at(HTTP), name, leaf), true);
          }
          for (MeshWorkload server : ledgers) {
            String name = mesh.identity(server).dnsName();
            calls.keep(
                server.name() + " by " + by,
                () -> {
                  try (SSLSocket socket = Thief.connect(server.at(TCP), name, leaf)) {
                    ask(socket);
                  }
                });
            keepOpen(server.name() + " by " + by, Thief.connect(server.at(TCP), name, leaf), false);
          }
          calls.keep("trust stream by " + by, () -> watch(mesh, thief, leaf, loops));
          mesh.closeWithMesh(hold("trust stream by " + by, mesh, thief, leaf, loops));
        }
        // Only a leaf on record renews: the thief has seen the serial number of the real one.
        calls.keep(
            "renewal by stolen issuer",
            () -> gained.add(renew(mesh, thief, byIssuer, victim, loops)));
        Await.until("forged leaves are taken", Duration.ofSeconds(60), () -> calls.allTaken(3));
        load.awaitMore(10);
        assertThat(load.failures()).isEmpty();
        assertThat(cuts.values()).as("%s", cuts).noneMatch(CompletableFuture::isDone);
        List<Long> processes = processes(mesh, web, ledgers, List.of(frontend));

        Mesh.Command rotated =
            trust(
                mesh,
                "rotate",
                "--compromised",
                "--yes",
                "--wait",
                "--reason",
                "the CA was copied");

        assertThat(rotated.exitCode()).as(rotated.output()).isZero();
        assertThat(rotated.output().indexOf("batch.shop"))
            .as(rotated.output())
            .isPositive()
            .isLessThan(rotated.output().indexOf("has begun"));
        JsonNode rotation = JSON.readTree(trust(mesh, "status", "-o", "json").output());
        long start = Instant.parse(rotation.at("/rotation/startedAt").asText()).toEpochMilli();
        long ended = System.currentTimeMillis();
        Duration call = calls.typical();
        long limit =
            LIMIT.toMillis() * Math.max(CALL.toMillis(), call.toMillis()) / CALL.toMillis();
        Await.until(
            "every forged leaf is tried again, and refused",
            Duration.ofSeconds(60),
            () -> calls.allRefusedSince(Math.max(ended, start + limit)));
        String report =
            "a call takes %d ms, so the limit is %d ms\n".formatted(call.toMillis(), limit)
                + calls.report(start)
                + "\n"
                + cutReport(start)
                + rotated.output();
        System.out.println(report);
        assertThat(cuts.values()).as(report).allMatch(CompletableFuture::isDone);
        assertThat(calls.lastTakenAfter(start)).as(report).isLessThan(limit);
        for (CompletableFuture<Long> cut : cuts.values()) {
          assertThat(cut.get() - start).as(report).isBetween(0L, limit);
        }

        // Nothing that the thief has got in between is good for anything.
        List<X509Certificate> anchors =
            Certificates.parsePem("anchors", mesh.processes().trustAnchors());
        assertThat(anchors).hasSize(1);
        assertThat(gained).isNotEmpty();
        for (List<X509Certificate> chain : gained) {
          assertThat(chain)
              .noneMatch(
                  one ->
                      one.getIssuerX500Principal()
                              .equals(anchors.getFirst().getSubjectX500Principal())
                          && isSignedBy(one, anchors.getFirst()));
        }

        // And nobody had to do anything for the others.
        load.awaitMore(5);
        long failed = load.failed();
        load.awaitMore(20);
        assertThat(load.failed()).as("%s", load.failures()).isEqualTo(failed);
        assertThat(processes(mesh, web, ledgers, List.of(frontend))).isEqualTo(processes);
      }
    }
  }

  private static boolean isSignedBy(X509Certificate certificate, X509Certificate anchor) {
    try {
      certificate.verify(anchor.getPublicKey());
      return true;
    } catch (java.security.GeneralSecurityException e) {
      return false;
    }
  }

  // ---- the mesh

  private static MeshWorkload web(Mesh mesh, String name) throws IOException {
    MeshWorkload web = mesh.workload(name).port("http", 8080).redirect(HTTP, 8080);
    mesh.service(name, web, 80, "http");
    mesh.server(name, web, "http", "HTTP/1");
    mesh.allowIdentities(name, name, "frontend", "web");
    return web;
  }

  private static MeshWorkload ledger(Mesh mesh, String name) throws IOException {
    MeshWorkload ledger = mesh.workload(name).port("ledger", 7070).redirect(TCP, 7070);
    mesh.service(name, ledger, 70, "ledger");
    mesh.server(name, ledger, "ledger", "opaque");
    mesh.allowIdentities(name, name, "frontend");
    return ledger;
  }

  private static MeshWorkload client(MeshWorkload workload) {
    return workload
        .upstream(15_001, "web.shop.svc.cluster.local:80")
        .upstream(15_002, "cart.shop.svc.cluster.local:80")
        .upstream(15_003, "ledger.shop.svc.cluster.local:70")
        .upstream(15_004, "bank.shop.svc.cluster.local:70");
  }

  private static Load load(MeshWorkload frontend) {
    Load load = new Load();
    for (int port : List.of(15_001, 15_002)) {
      load.flow(
          "HTTP at " + port,
          Duration.ofMillis(20),
          () -> {
            Mesh.Answer answer = HttpConnection.getOnce(frontend.at(port), "/x");
            if (answer.status() != 200) {
              throw new AssertionError(answer.status() + " " + answer.body());
            }
          });
    }
    for (int port : List.of(15_003, 15_004)) {
      load.flow(
          "TCP at " + port,
          Duration.ofMillis(20),
          () -> LedgerConnection.askOnce(frontend.at(port)));
    }
    return load;
  }

  /** Answers each question as the demo's ledger does. */
  private static void balances(InputStream in, OutputStream out) throws IOException {
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        out.write("OK alice 0\n".getBytes(StandardCharsets.US_ASCII));
        out.flush();
      }
    }
  }

  @SafeVarargs
  private static List<Long> processes(Mesh mesh, List<MeshWorkload>... workloads) {
    List<Long> processes = new ArrayList<>(List.of(mesh.controlPlane().pid()));
    for (List<MeshWorkload> some : workloads) {
      for (MeshWorkload workload : some) {
        assertThat(workload.proxy().isAlive()).isTrue();
        processes.add(workload.proxy().pid());
      }
    }
    return processes;
  }

  private static Mesh.Command trust(Mesh mesh, String command, String... options) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("trust", command, "--state", mesh.processes().state().toString()));
    arguments.addAll(List.of(options));
    return mesh.command(arguments.toArray(String[]::new));
  }

  // ---- the thief

  private static void get(SSLSocket socket) throws IOException {
    exchange(socket, "GET /forged HTTP/1.1\r\nHost: web.shop\r\n\r\n", "HTTP/1.1 200");
  }

  private static void ask(SSLSocket socket) throws IOException {
    exchange(socket, "BALANCE alice\n", "OK alice");
  }

  private static void exchange(SSLSocket socket, String question, String answer)
      throws IOException {
    socket.getOutputStream().write(question.getBytes(StandardCharsets.US_ASCII));
    byte[] start = socket.getInputStream().readNBytes(answer.length());
    String got = new String(start, StandardCharsets.US_ASCII);
    if (!got.equals(answer)) {
      throw new IOException("answer '" + got + "'");
    }
  }

  /** A connection that was made in time, and is in use. */
  private void keepOpen(String name, SSLSocket socket, boolean http) throws Exception {
    kept.add(socket);
    socket.setSoTimeout(60_000);
    if (http) {
      get(socket);
    } else {
      ask(socket);
    }
    CompletableFuture<Long> cut = new CompletableFuture<>();
    cuts.put("connection to " + name, cut);
    Thread.ofVirtual()
        .start(
            () -> {
              try (socket) {
                while (socket.getInputStream().read() >= 0) {
                  // The rest of the answer.
                }
                cut.complete(System.currentTimeMillis());
              } catch (SocketTimeoutException e) {
                cut.completeExceptionally(e);
              } catch (SocketException e) {
                cut.complete(System.currentTimeMillis());
              } catch (IOException e) {
                cut.complete(System.currentTimeMillis());
              }
            });
  }

  private String cutReport(long start) {
    StringBuilder report = new StringBuilder();
    cuts.forEach(
        (name, cut) ->
            report
                .append(name)
                .append(cut.isDone() ? " cut after " + (cut.join() - start) + " ms" : " is open")
                .append('\n'));
    return report.toString();
  }

  private static ManagedChannel channel(
      Mesh mesh, Thief thief, WorkloadCertificate leaf, ControlLoops loops) {
    return thief.identityServer(
        mesh.addresses().identity(),
        mesh.processes().names().identityServer().dnsName(),
        leaf,
        () -> {
          try {
            return Certificates.parsePem("anchors", mesh.processes().trustAnchors());
          } catch (io.signetmesh.identity.pki.PkiException e) {
            throw new IllegalStateException(e);
          }
        },
        loops);
  }

  private static List<X509Certificate> renew(
      Mesh mesh,
      Thief thief,
      WorkloadCertificate leaf,
      WorkloadIdentity identity,
      ControlLoops loops)
      throws Exception {
    ManagedChannel channel = channel(mesh, thief, leaf, loops);
    try {
      CertifyResponse answer =
          IdentityGrpc.newBlockingStub(channel)
              .withDeadlineAfter(10, TimeUnit.SECONDS)
              .certify(
                  CertifyRequest.newBuilder()
                      .setIdentity(identity.dnsName())
                      .setCertificateSigningRequest(
                          ByteString.copyFrom(
                              SigningRequest.create(identity.dnsName(), PrivateKeys.generate())))
                      .build());
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("leaf", answer.getLeafCertificate().toByteArray()));
      for (ByteString der : answer.getIntermediateCertificatesList()) {
        chain.add(Certificates.parseDer("issuer", der.toByteArray()));
      }
      return chain;
    } finally {
      channel.shutdownNow();
    }
  }

  /** Opens a trust stream and waits for the first bundle. */
  private static void watch(Mesh mesh, Thief thief, WorkloadCertificate leaf, ControlLoops loops)
      throws Exception {
    ManagedChannel channel = channel(mesh, thief, leaf, loops);
    try {
      CompletableFuture<TrustBundle> first = new CompletableFuture<>();
      TrustBundlesGrpc.newStub(channel)
          .withDeadlineAfter(10, TimeUnit.SECONDS)
          .watch(new Listener(first, new CompletableFuture<>()));
      first.get(15, TimeUnit.SECONDS);
    } finally {
      channel.shutdownNow();
    }
  }

  /** A trust stream that stays, says that it has the victim's leaf, and takes no new bundle. */
  private AutoCloseable hold(
      String name, Mesh mesh, Thief thief, WorkloadCertificate leaf, ControlLoops loops)
      throws Exception {
    ManagedChannel channel = channel(mesh, thief, leaf, loops);
    CompletableFuture<TrustBundle> first = new CompletableFuture<>();
    CompletableFuture<Long> cut = new CompletableFuture<>();
    cuts.put(name, cut);
    StreamObserver<TrustReport> reports =
        TrustBundlesGrpc.newStub(channel).watch(new Listener(first, cut));
    first.get(15, TimeUnit.SECONDS);
    reports.onNext(
        TrustReport.newBuilder()
            .setTrustedDigest(ByteString.copyFrom(new byte[32]))
            .setLeaf(
                ServedLeaf.newBuilder()
                    .setSerial(leaf.leaf().getSerialNumber().toString(16))
                    .setNotAfter(
                        Timestamp.newBuilder().setSeconds(leaf.notAfter().getEpochSecond())))
            .build());
    return channel::shutdownNow;
  }

  private record Listener(CompletableFuture<TrustBundle> first, CompletableFuture<Long> cut)
      implements StreamObserver<TrustBundle> {
    @Override
    public void onNext(TrustBundle bundle) {
      first.complete(bundle);
    }

    @Override
    public void onError(Throwable error) {
      first.completeExceptionally(error);
      cut.complete(System.currentTimeMillis());
    }

    @Override
    public void onCompleted() {
      onError(new IOException("ended"));
    }
  }
}
