package io.signetmesh.bench.revocation;

import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.identity.pki.crl.CrlWriter;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import javax.net.ssl.SSLException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench/run revocation}. */
@Command(
    name = "revocation",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures what a revocation list costs: handshakes without and with a full list in turn, the"
          + " lookup alone, reading a list, and the sizes of messages."
    },
    footer = {"", "Exit codes: 0 measured; 2 usage; 70 something broke."})
public final class RevocationBench implements Callable<Integer> {
  private static final int BATCH = 200;
  private static final int LOOKUPS = 2_000_000;
  private static final int READS = 15;

  /** So many that what else the heap holds does not count. */
  private static final int KEPT = 100;

  @Option(
      names = "--entries",
      paramLabel = "N",
      defaultValue = "100000",
      description = "Certificates in the list (default: ${DEFAULT-VALUE}).")
  private int entries = 100_000;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "30",
      description = "How long to shake hands (default: ${DEFAULT-VALUE}).")
  private int seconds = 30;

  private final PrintStream out = System.out;
  private final Clock clock = Clock.systemUTC();

  @Override
  public Integer call() throws Exception {
    Signatures.useNative();
    Path state = Files.createTempDirectory("revocation-bench");
    EmbeddedAuthority source = EmbeddedAuthority.open(state, "linkerd", "cluster.local", clock);
    TrustBundle bundle = new TrustBundle(1, "cluster.local", List.of(source.anchor()));
    Issuer issuer = source.current();
    Credentials credentials = credentials(source, bundle);

    byte[] full = sign(issuer, 1, 0, entries);
    readList(full, issuer);
    RevocationList list = Crl.parse("bench", full).onto(RevocationList.NONE);
    lookUp(list, credentials);
    sizes(issuer, full, list);
    shakeHands(credentials, list);
    return 0;
  }

  private void readList(byte[] full, Issuer issuer) throws Exception {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] nanos = new long[READS];
    long allocated = 0;
    for (int i = 0; i < READS; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      Crl crl = Crl.parse("bench", full);
      crl.verify(issuer.certificate());
      crl.onto(RevocationList.NONE);
      nanos[i] = System.nanoTime() - start;
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
    }
    print(
        "read, verify and apply the full list",
        "%.1f ms (first %.1f)",
        millis(median(nanos)),
        millis(nanos[0]));
    print("allocated by that, short-lived", "%.1f MB", allocated / 1e6);
    List<RevocationList> kept = new ArrayList<>();
    long used = usedMemory();
    for (int i = 0; i < KEPT; i++) {
      kept.add(Crl.parse("bench", full).onto(RevocationList.NONE));
    }
    print("memory of a list", "%.2f MB", (usedMemory() - used) / 1e6 / KEPT);
    if (kept.size() != KEPT) {
      throw new IllegalStateException();
    }
  }

  private void lookUp(RevocationList list, Credentials credentials) throws Exception {
    VerifiedPeer peer =
        ChainVerifier.of(credentials.peers(), clock)
            .verifyPeer(credentials.certificate().chain(), Purpose.CLIENT);
    for (RevocationList each : List.of(RevocationList.NONE, list, RevocationList.NONE, list)) {
      long found = 0;
      long start = System.nanoTime();
      for (int i = 0; i < LOOKUPS; i++) {
        found += each.refusal(peer).isPresent() ? 1 : 0;
      }
      long nanos = System.nanoTime() - start;
      print(
          "look a peer up (leaf, issuer, anchor) among " + each.size(),
          "%d ns",
          nanos / LOOKUPS + found);
    }
  }

  private void sizes(Issuer issuer, byte[] full, RevocationList list) throws Exception {
    print("full list of " + entries, "%d bytes", full.length);
    for (int more : new int[] {1, 100}) {
      byte[] delta = sign(issuer, 2, 1, more);
      print("delta of " + more, "%d bytes", delta.length);
      long[] nanos = new long[READS];
      for (int i = 0; i < READS; i++) {
        long start = System.nanoTime();
        Crl crl = Crl.parse("bench", delta);
        crl.verify(issuer.certificate());
        crl.onto(list);
        nanos[i] = System.nanoTime() - start;
      }
      print("read, verify and apply the delta of " + more, "%.2f ms", millis(median(nanos)));
    }
  }

  /** In turn, so that what else the machine does hits both alike. */
  private void shakeHands(Credentials credentials, RevocationList list) throws Exception {
    Credentials revoking = credentials.withPeers(credentials.peers().withRevoked(list));
    SslContext[] clients = {client(credentials), client(revoking)};
    SslContext[] servers = {server(credentials), server(revoking)};
    MemoryHandshake[] handshakes = {
      new MemoryHandshake(clients[0], servers[0]), new MemoryHandshake(clients[1], servers[1])
    };
    List<List<Long>> batches = List.of(new ArrayList<>(), new ArrayList<>());
    long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    long warm = System.nanoTime() + Duration.ofSeconds(seconds).toNanos() / 4;
    for (int turn = 0; System.nanoTime() < end; turn++) {
      int which = turn & 1;
      long start = System.nanoTime();
      for (int i = 0; i < BATCH; i++) {
        handshakes[which].run();
      }
      if (start > warm) {
        batches.get(which).add((System.nanoTime() - start) / BATCH);
      }
    }
    for (int which = 0; which < 2; which++) {
      long[] nanos = batches.get(which).stream().mapToLong(Long::longValue).toArray();
      print(
          "handshake, both sides, list of " + (which == 0 ? 0 : entries),
          "%.1f µs (%d batches of %d, fastest %.1f)",
          median(nanos) / 1e3,
          nanos.length,
          BATCH,
          Arrays.stream(nanos).min().orElse(0) / 1e3);
    }
    for (SslContext context : List.of(clients[0], clients[1], servers[0], servers[1])) {
      ReferenceCountUtil.release(context);
    }
  }

  private SslContext client(Credentials credentials) throws SSLException {
    return MeshSslContexts.client(credentials, List.of(), clock);
  }

  private SslContext server(Credentials credentials) throws SSLException {
    return MeshSslContexts.server(credentials, ClientCertificate.REQUIRED, List.of(), clock);
  }

  private Credentials credentials(EmbeddedAuthority source, TrustBundle bundle) throws Exception {
    WorkloadIdentity identity = new WorkloadIdentity("web", "shop", "linkerd", "cluster.local");
    KeyPair keys = PrivateKeys.generate();
    CertificateAuthority authority =
        new CertificateAuthority(source, () -> bundle, IssuancePolicy.DEFAULT, clock);
    SigningRequest request = SigningRequest.parse(SigningRequest.create(identity.dnsName(), keys));
    return new Credentials(
        new WorkloadCertificate(keys.getPrivate(), authority.issue(identity, request)), bundle);
  }

  private byte[] sign(Issuer issuer, long number, long base, int count) throws Exception {
    SecureRandom random = new SecureRandom();
    Instant now = Instant.ofEpochSecond(clock.instant().getEpochSecond());
    List<CrlWriter.Entry> listed = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      listed.add(
          new CrlWriter.Entry(
              issuer.certificate().getSubjectX500Principal(),
              new BigInteger(128, random).setBit(64),
              now,
              RevocationReason.KEY_COMPROMISE));
    }
    CrlWriter.Content content =
        new CrlWriter.Content(
            number, base, now, now.plus(Duration.ofDays(1)), listed, List.of(), List.of());
    return issuer.sign(signer -> CrlWriter.sign(content, issuer.certificate(), signer));
  }

  private void print(String what, String format, Object... values) {
    out.printf(Locale.ROOT, "%-60s %s%n", what, String.format(Locale.ROOT, format, values));
  }

  private static long usedMemory() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  private static double millis(long nanos) {
    return nanos / 1e6;
  }

  private static long median(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
  }
}
