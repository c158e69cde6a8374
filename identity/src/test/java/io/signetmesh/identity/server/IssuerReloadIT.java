package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CaChain;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.ca.source.PemFiles;
import io.signetmesh.identity.ca.source.Pkcs11Token;
import io.signetmesh.identity.ca.source.Pkcs12File;
import io.signetmesh.identity.ca.source.SecretDirectory;
import io.signetmesh.identity.ca.source.SoftHsm;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Issuers of each source are replaced while clients make certificates and handshakes. */
@Timeout(180)
class IssuerReloadIT {
  private static final int SWAPS = 8;
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  @TempDir Path state;
  @TempDir Path files;

  private final InstantSource clock = InstantSource.system();
  private final List<AuditEvent> audit = new CopyOnWriteArrayList<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private final CaChain ca = CaChain.of("first", Algorithm.ecp256, 1);
  private @Nullable ServerMeters meters;

  /** Where issuer and anchors are, and how they are replaced there. */
  enum Place {
    PEM_FILES {
      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Files.writeString(at.resolve("chain.pem"), issuer.chainPem());
        Files.writeString(at.resolve("key.pem"), key);
        Files.writeString(at.resolve("anchors.pem"), anchors);
      }

      @Override
      AuthoritySource source(Path at) {
        return new PemFiles(
            at.resolve("chain.pem"), at.resolve("key.pem"), at.resolve("anchors.pem"));
      }
    },
    PLAIN_DIRECTORY {
      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Files.writeString(at.resolve("tls.key"), key);
        Files.writeString(at.resolve("ca.crt"), anchors);
        Files.writeString(at.resolve("tls.crt"), issuer.chainPem());
      }

      @Override
      AuthoritySource source(Path at) {
        return new SecretDirectory(at, null);
      }
    },
    MOUNTED_SECRET {
      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Path version = Files.createTempDirectory(at, "..version");
        Files.writeString(version.resolve("crt.pem"), issuer.chainPem());
        Files.writeString(version.resolve("key.pem"), key);
        Files.writeString(version.resolve("ca.crt"), anchors);
        Path link = Files.createSymbolicLink(at.resolve("..data_tmp"), version.getFileName());
        Files.move(link, at.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
      }

      @Override
      AuthoritySource source(Path at) {
        return new SecretDirectory(at, null);
      }
    },
    PKCS12 {
      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Files.writeString(at.resolve("anchors.pem"), anchors);
        StateFiles.writeSecret(at.resolve("password"), "secret\n");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry(
            "issuer",
            PrivateKeys.parsePem("key", key),
            "secret".toCharArray(),
            issuer.chain().toArray(Certificate[]::new));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        store.store(out, "secret".toCharArray());
        Files.write(at.resolve("issuer.p12"), out.toByteArray());
      }

      @Override
      AuthoritySource source(Path at) {
        return new Pkcs12File(
            at.resolve("issuer.p12"), at.resolve("password"), at.resolve("anchors.pem"));
      }
    },
    TOKEN {
      private static final String LABEL = "reload";

      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Files.writeString(at.resolve("anchors.pem"), anchors);
        SoftHsm.shared().put(LABEL, PrivateKeys.parsePem("key", key), issuer.chain());
      }

      @Override
      AuthoritySource source(Path at) throws Exception {
        return new Pkcs11Token(SoftHsm.shared().config(LABEL), at.resolve("anchors.pem"));
      }

      @Override
      boolean isKeyKept() {
        return true;
      }
    },
    STATE_DIRECTORY {
      @Override
      void put(Path at, CaChain issuer, String key, String anchors) throws Exception {
        Path directory = at.resolve("ca");
        StateFiles.createDirectory(directory);
        Path anchorKey = directory.resolve("anchor.key");
        if (!Files.exists(anchorKey)) {
          StateFiles.writeSecret(
              anchorKey, PrivateKeys.toPem(issuer.anchorBundle().getKeyPair().getPrivate()));
        }
        StateFiles.writePublic(directory.resolve("anchor.crt"), anchors);
        StateFiles.writeSecret(directory.resolve("issuer.pem"), key + issuer.chainPem());
      }

      /** The server opens it by itself. */
      @Override
      @Nullable AuthoritySource source(Path at) {
        return null;
      }

      @Override
      Path at(Path files, Path state) {
        return state;
      }
    };

    abstract void put(Path at, CaChain issuer, String key, String anchors) throws Exception;

    abstract @Nullable AuthoritySource source(Path at) throws Exception;

    /** Whether each issuer has the key of the first: another key would take the first away. */
    boolean isKeyKept() {
      return false;
    }

    /** Where the material is. */
    Path at(Path files, Path state) {
      return files;
    }
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @ParameterizedTest
  @EnumSource(Place.class)
  void noHandshakeFailsWhileTheIssuerIsReplacedAgainAndAgain(Place place) throws Exception {
    Path at = place.at(files, state);
    place.put(at, ca, ca.keyPem(), ca.anchorPem());
    WorkloadTokens tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    IdentityServer server = start(place.source(at), tokens);
    List<Throwable> failures = new CopyOnWriteArrayList<>();
    AtomicInteger handshakes = new AtomicInteger();
    Set<X509Certificate> issuers = ConcurrentHashMap.newKeySet();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      clients.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      @Nullable Credentials credentials = null;
                      while (!Thread.interrupted()) {
                        credentials = certify(server, tokens, credentials, issuers);
                        handshakes.incrementAndGet();
                      }
                    } catch (Exception | Error e) {
                      if (!(Thread.currentThread().isInterrupted()
                          || String.valueOf(e.getMessage()).contains("interrupted"))) {
                        failures.add(e);
                      }
                    }
                  }));
    }

    Set<X509Certificate> put = new HashSet<>();
    for (int i = 0; i < SWAPS; i++) {
      CaChain next = ca.reissued("issuer " + i, issuer -> keyed(place, issuer));
      place.put(at, next, key(place, next), ca.anchorPem());
      put.add(next.chain().getFirst());
      await(() -> issuers.contains(next.chain().getFirst()) || !failures.isEmpty());
    }
    // Material of each bad kind in between, which must change nothing.
    X509Certificate last = inUse(server);
    CaChain foreign = CaChain.of("foreign", Algorithm.ecp256, 1, issuer -> keyed(place, issuer));
    CaChain expired =
        ca.reissued(
            "expired", issuer -> keyed(place, issuer).notAfter(TestPki.START.minusSeconds(1)));
    for (var bad : Map.of("untrusted", foreign, "expired", expired).entrySet()) {
      place.put(at, bad.getValue(), key(place, bad.getValue()), ca.anchorPem());
      await(() -> refusals().contains(bad.getKey()) || !failures.isEmpty());
    }
    assertThat(inUse(server)).isEqualTo(last);

    for (Thread client : clients) {
      client.interrupt();
      client.join();
    }
    assertThat(failures).isEmpty();
    assertThat(issuers).containsAll(put);
    assertThat(handshakes).hasValueGreaterThan(SWAPS * 2);
    assertThat(acts("issuer-changed")).hasSize(SWAPS);
    AdministrativeEvent changed = acts("issuer-changed").getLast();
    assertThat(changed.attributes())
        .containsEntry("serial", Certificates.serial(last))
        .containsEntry("not_after", last.getNotAfter().toInstant().toString())
        .containsKeys("old_serial", "old_sha256", "sha256");
    assertThat(refusals()).containsExactlyInAnyOrder("untrusted", "expired");
    assertThat(Objects.requireNonNull(meters).text().lines())
        .contains(
            "signet_identity_issuer_reloads_total{reason=\"changed\",result=\"accepted\"} "
                + SWAPS
                + ".0",
            "signet_identity_issuer_reloads_total{reason=\"untrusted\",result=\"refused\"} 1.0",
            "signet_identity_issuer_reloads_total{reason=\"expired\",result=\"refused\"} 1.0",
            "signet_identity_issuer_reloads_total{reason=\"key_mismatch\",result=\"refused\"} 0.0");
  }

  /** Both sides of TLS are BoringSSL; the second handshake shows the leaf to the server. */
  @ParameterizedTest
  @EnumSource(
      value = Algorithm.class,
      names = {"ecp256", "ecp384", "ed25519", "rsa2048"})
  void handshakesWorkUnderCasOfEveryKind(Algorithm algorithm) throws Exception {
    CaChain deep = CaChain.of("deep", algorithm, 3);
    Place.PEM_FILES.put(files, deep, deep.keyPem(), deep.anchorPem());
    WorkloadTokens tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    IdentityServer server = start(Place.PEM_FILES.source(files), tokens);
    Set<X509Certificate> issuers = new HashSet<>();

    Credentials first = certify(server, tokens, null, issuers);
    Credentials second = certify(server, tokens, first, issuers);

    assertThat(second.certificate().chain()).hasSize(4);
    assertThat(issuers).containsExactly(deep.chain().getFirst());
  }

  /** A handshake on a connection of its own, with the certificate of the last time. */
  private Credentials certify(
      IdentityServer server,
      WorkloadTokens tokens,
      @Nullable Credentials credentials,
      Set<X509Certificate> issuers)
      throws Exception {
    var address = new ControlChannel.Address("127.0.0.1", server.address().getPort());
    ManagedChannel channel =
        credentials == null
            ? ControlChannel.openAnonymous(
                address, SERVER.dnsName(), () -> server.bundles().get(), clock, loops)
            : ControlChannel.open(address, SERVER.dnsName(), () -> credentials, clock, loops);
    try {
      KeyPair keys = PrivateKeys.generate();
      CertifyResponse response =
          IdentityGrpc.newBlockingStub(channel)
              .withDeadlineAfter(20, TimeUnit.SECONDS)
              .certify(
                  CertifyRequest.newBuilder()
                      .setIdentity(WEB.dnsName())
                      .setToken(
                          ByteString.copyFromUtf8(
                              tokens.issue("shop", "web", Duration.ofMinutes(5))))
                      .setCertificateSigningRequest(
                          ByteString.copyFrom(SigningRequest.create(WEB.dnsName(), keys)))
                      .build());
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(Certificates.parseDer("leaf", response.getLeafCertificate().toByteArray()));
      for (ByteString der : response.getIntermediateCertificatesList()) {
        chain.add(Certificates.parseDer("issuer", der.toByteArray()));
      }
      issuers.add(chain.get(1));
      return new Credentials(
          new WorkloadCertificate(keys.getPrivate(), chain), server.bundles().get());
    } finally {
      channel.shutdownNow();
    }
  }

  private CertificateBuilder keyed(Place place, CertificateBuilder issuer) {
    return place.isKeyKept() ? issuer.publicKey(ca.chain().getFirst().getPublicKey()) : issuer;
  }

  private String key(Place place, CaChain issuer) {
    return place.isKeyKept() ? ca.keyPem() : issuer.keyPem();
  }

  private static X509Certificate inUse(IdentityServer server) throws Exception {
    return server.authority().requireIssuer().certificate();
  }

  private List<String> refusals() {
    return acts("issuer-refused").stream()
        .map(event -> String.valueOf(event.attributes().get("reason")))
        .toList();
  }

  private List<AdministrativeEvent> acts(String act) {
    return audit.stream()
        .map(AdministrativeEvent.class::cast)
        .filter(event -> event.act().equals(act))
        .toList();
  }

  private IdentityServer start(@Nullable AuthoritySource source, WorkloadTokens tokens)
      throws Exception {
    ServerMeters started = keep(ServerMeters.start("identity", loops::load, null));
    meters = started;
    return keep(
        IdentityServer.start(
            new IdentityServer.Config(
                state,
                SERVER,
                new InetSocketAddress("127.0.0.1", 0),
                false,
                IssuancePolicy.DEFAULT,
                source,
                started),
            tokens,
            loops,
            audit::add,
            clock));
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static void await(BooleanSupplier condition) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
