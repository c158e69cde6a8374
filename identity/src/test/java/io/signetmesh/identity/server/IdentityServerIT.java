package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.KeyKind;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.ca.source.PemFiles;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer.Config;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.CreateJoinTokenRequest;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(90)
class IdentityServerIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final WorkloadIdentity CART =
      new WorkloadIdentity("cart", "shop", "signet", "cluster.local");

  @TempDir Path state;
  @TempDir Path files;

  private final InstantSource clock = InstantSource.system();
  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private @Nullable ServerMeters meters;
  private WorkloadTokens tokens;
  private IdentityServer server;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    server = startServer(IssuancePolicy.DEFAULT, 0);
    // The first start publishes a key for JWT-SVIDs.
    audit.clear();
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void issuesALeafWithBothNamesThatVerifiesForBothPurposes() throws Exception {
    KeyPair keys = PrivateKeys.generate();

    CertifyResponse response = certify(request(WEB, WEB, keys));

    List<X509Certificate> chain = chain(response);
    X509Certificate leaf = chain.getFirst();
    ChainVerifier verifier = ChainVerifier.of(server.bundles().get(), clock);
    assertThat(verifier.verify(chain, Purpose.SERVER).names())
        .containsExactly(WEB.dnsName(), WEB.spiffeId());
    assertThat(verifier.verify(chain, Purpose.CLIENT).name()).isEqualTo(WEB.dnsName());
    assertThat(leaf.getPublicKey()).isEqualTo(keys.getPublic());
    assertThat(leaf.getSerialNumber().signum()).isPositive();
    assertThat(leaf.getSerialNumber().bitLength()).isBetween(64, 128);
    assertThat(leaf.getBasicConstraints()).isEqualTo(-1);
    assertThat(response.getValidUntil().getSeconds())
        .isEqualTo(leaf.getNotAfter().toInstant().getEpochSecond());
    AdministrativeEvent event = nextEvent();
    assertThat(event.act()).isEqualTo("certificate-issued");
    assertThat(event.subject()).isEqualTo(WEB.dnsName());
    assertThat(event.attributes()).containsEntry("serial", Certificates.serial(leaf));
  }

  @Test
  void opensslTakesWhatWasIssuedAndItsRequestIsTaken() throws Exception {
    Path key = files.resolve("key.pem");
    Path csr = files.resolve("csr.der");
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key.toString());
    openssl(
        "req",
        "-new",
        "-key",
        key.toString(),
        "-outform",
        "DER",
        "-out",
        csr.toString(),
        "-subj",
        "/",
        "-addext",
        "subjectAltName=DNS:" + WEB.dnsName());

    CertifyResponse response =
        certify(
            CertifyRequest.newBuilder()
                .setIdentity(WEB.dnsName())
                .setToken(token(WEB))
                .setCertificateSigningRequest(ByteString.copyFrom(Files.readAllBytes(csr)))
                .build());

    List<X509Certificate> chain = chain(response);
    Path leaf = write("leaf.pem", Certificates.toPem(chain.subList(0, 1)));
    Path intermediates = write("intermediates.pem", Certificates.toPem(chain.subList(1, 2)));
    Path anchors = write("anchors.pem", Certificates.toPem(server.bundles().get().anchors()));
    for (String purpose : List.of("sslserver", "sslclient")) {
      assertThat(
              openssl(
                  "verify",
                  "-x509_strict",
                  "-purpose",
                  purpose,
                  "-CAfile",
                  anchors.toString(),
                  "-untrusted",
                  intermediates.toString(),
                  leaf.toString()))
          .contains("leaf.pem: OK");
    }
    assertThat(openssl("x509", "-in", leaf.toString(), "-noout", "-text"))
        .contains("DNS:" + WEB.dnsName() + ", URI:" + WEB.spiffeId())
        .contains("CA:FALSE", "Digital Signature", "TLS Web Server Authentication");
    // The key that openssl wrote (SEC 1) can be read, too.
    assertThat(new WorkloadCertificate(PrivateKeys.read(key), chain).leaf())
        .isEqualTo(chain.getFirst());
  }

  @Test
  void requestForAnothersIdentityIsRefused() {
    KeyPair keys = PrivateKeys.generate();

    assertRefused(request(WEB, CART, keys), Status.Code.FAILED_PRECONDITION)
        .contains("the token is of " + CART.dnsName(), "asked for " + WEB.dnsName());
    assertRefused(
            request(WEB, WEB, keys).toBuilder()
                .setCertificateSigningRequest(csr(CART.dnsName(), keys))
                .build(),
            Status.Code.FAILED_PRECONDITION)
        .contains(
            "names DNS \"" + CART.dnsName(), "expected exactly the DNS name " + WEB.dnsName());
  }

  @Test
  void certificatesAreCountedIssuedAndRefusedByReason() {
    KeyPair keys = PrivateKeys.generate();
    certify(request(WEB, WEB, keys));
    assertRefused(request(WEB, CART, keys), Status.Code.FAILED_PRECONDITION);
    assertRefused(
        request(WEB, WEB, keys).toBuilder()
            .setCertificateSigningRequest(csr(CART.dnsName(), keys))
            .build(),
        Status.Code.FAILED_PRECONDITION);
    assertRefused(
        request(WEB, WEB, keys).toBuilder().clearToken().build(), Status.Code.INVALID_ARGUMENT);
    assertRefused(
        request(WEB, WEB, keys).toBuilder().setToken(ByteString.copyFromUtf8("x")).build(),
        Status.Code.INVALID_ARGUMENT);

    String refused = "signet_identity_certificates_refused_total";
    assertThat(Objects.requireNonNull(meters).text().lines())
        .contains(
            "signet_identity_certificates_issued_total 1.0",
            refused + "{reason=\"other_workload\"} 1.0",
            refused + "{reason=\"signing_request\"} 1.0",
            refused + "{reason=\"no_evidence\"} 1.0",
            refused + "{reason=\"token\"} 1.0",
            refused + "{reason=\"issuer_unavailable\"} 0.0")
        .anyMatch(line -> line.startsWith("signet_certificate_expiry_seconds{certificate=\"leaf\""))
        .anyMatch(
            line -> line.startsWith("signet_certificate_expiry_seconds{certificate=\"issuer\""))
        .anyMatch(
            line ->
                line.startsWith("signet_certificate_expiry_seconds{certificate=\"trust_anchor\""));
  }

  @Test
  void requestWithoutProofOfPossessionIsRefused() {
    byte[] der = SigningRequest.create(WEB.dnsName(), PrivateKeys.generate());
    // The last bytes are the signature.
    der[der.length - 1] ^= 1;

    assertRefused(
            request(WEB, WEB, PrivateKeys.generate()).toBuilder()
                .setCertificateSigningRequest(ByteString.copyFrom(der))
                .build(),
            Status.Code.FAILED_PRECONDITION)
        .contains("no proof of possession");
  }

  @Test
  void keysOnP384AreCertified() throws Exception {
    KeyPair keys = KeyKind.P384.generate();

    X509Certificate leaf = chain(certify(request(WEB, WEB, keys))).getFirst();

    assertThat(leaf.getPublicKey()).isEqualTo(keys.getPublic());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "rsa:1024 | RSA 1024",
        "rsa:2048 | RSA 2048",
        "ec:secp521r1 | ECDSA on another curve of 521 bits",
        "ed25519 | Ed25519",
        "ed448 | Ed448"
      })
  void otherKeysThanP256AndP384AreRefusedByName(String kind, String name) throws Exception {
    assertRefused(
            requestWith(opensslRequest(kind, "subjectAltName=DNS:" + WEB.dnsName())),
            Status.Code.FAILED_PRECONDITION)
        .contains("has a key of type " + name + " that is not taken")
        .contains("expected ECDSA P-256 or P-384");
    assertRefusalIsCounted("key");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "basicConstraints=critical,CA:TRUE | basicConstraints CA:TRUE",
        "keyUsage=critical,keyCertSign | keyUsage keyCertSign",
        "keyUsage=critical,digitalSignature,cRLSign | keyUsage cRLSign"
      })
  void requestForACaIsRefused(String extension, String name) throws Exception {
    byte[] csr = opensslRequest("ec:prime256v1", "subjectAltName=DNS:" + WEB.dnsName(), extension);

    assertRefused(requestWith(csr), Status.Code.FAILED_PRECONDITION)
        .contains("asks for a CA certificate (" + name + "): expected an end-entity one");
    assertRefusalIsCounted("ca");
  }

  @Test
  void requestedExtensionsAndSubjectsAreNotCopied() throws Exception {
    byte[] csr =
        opensslRequest(
            "ec:prime256v1",
            "subjectAltName=DNS:" + WEB.dnsName(),
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,keyAgreement",
            "extendedKeyUsage=codeSigning",
            "certificatePolicies=1.2.3.4");

    X509Certificate leaf = chain(certify(requestWith(csr))).getFirst();

    assertThat(leaf.getKeyUsage())
        .containsExactly(true, false, false, false, false, false, false, false, false);
    assertThat(leaf.getExtendedKeyUsage())
        .containsExactlyInAnyOrder("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
    assertThat(leaf.getExtensionValue("2.5.29.32")).isNull();
    assertThat(leaf.getSubjectX500Principal().getName()).doesNotContain("Evil");
  }

  @Test
  void hugeRequestIsRefused() {
    byte[] huge = new byte[8 * 1024 + 1];

    assertRefused(requestWith(huge), Status.Code.INVALID_ARGUMENT)
        .contains("of 8193 bytes: expected 1 to 8192");
    assertRefusalIsCounted("malformed");
  }

  private CertifyRequest requestWith(byte[] csr) {
    return request(WEB, WEB, PrivateKeys.generate()).toBuilder()
        .setCertificateSigningRequest(ByteString.copyFrom(csr))
        .build();
  }

  /** Fails unless exactly one refusal was counted, for that reason. */
  private void assertRefusalIsCounted(String reason) {
    assertThat(
            Objects.requireNonNull(meters)
                .registry()
                .get("signet.identity.certificates.refused")
                .tag("reason", reason)
                .counter()
                .count())
        .isEqualTo(1);
  }

  /** A request that openssl makes, in DER. */
  private byte[] opensslRequest(String kind, String... extensions) throws Exception {
    Path csr = files.resolve("request.der");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "req",
                "-new",
                "-nodes",
                "-config",
                write("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n").toString(),
                "-keyout",
                files.resolve("request.pem").toString(),
                "-outform",
                "DER",
                "-out",
                csr.toString(),
                "-subj",
                "/O=Evil/CN=" + WEB.dnsName()));
    if (kind.startsWith("ec:")) {
      arguments.addAll(
          List.of("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:" + kind.substring(3)));
    } else {
      arguments.addAll(List.of("-newkey", kind));
    }
    for (String extension : extensions) {
      arguments.addAll(List.of("-addext", extension));
    }
    openssl(arguments.toArray(String[]::new));
    return Files.readAllBytes(csr);
  }

  @Test
  void moreNamesThanTheOneAreRefused() throws Exception {
    for (String names :
        List.of(
            "DNS:" + WEB.dnsName() + ",DNS:" + CART.dnsName(),
            "DNS:" + WEB.dnsName() + ",IP:127.0.0.1",
            "DNS:" + WEB.dnsName() + ",URI:" + WEB.spiffeId(),
            "DNS:" + WEB.dnsName() + ",email:a@example.com",
            "URI:" + WEB.spiffeId())) {
      Path csr = files.resolve("names.der");
      openssl(
          "req",
          "-new",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-keyout",
          files.resolve("names.pem").toString(),
          "-outform",
          "DER",
          "-out",
          csr.toString(),
          "-subj",
          "/",
          "-addext",
          "subjectAltName=" + names);

      assertRefused(
              request(WEB, WEB, PrivateKeys.generate()).toBuilder()
                  .setCertificateSigningRequest(ByteString.copyFrom(Files.readAllBytes(csr)))
                  .build(),
              Status.Code.FAILED_PRECONDITION)
          .contains("expected exactly the DNS name " + WEB.dnsName());
    }
  }

  @Test
  void missingAndMalformedFieldsAreInvalid() {
    CertifyRequest good = request(WEB, WEB, PrivateKeys.generate());

    assertRefused(good.toBuilder().clearIdentity().build(), Status.Code.INVALID_ARGUMENT)
        .contains("identity is empty");
    assertRefused(good.toBuilder().clearToken().build(), Status.Code.INVALID_ARGUMENT)
        .contains("token is empty");
    assertRefused(
            good.toBuilder().clearCertificateSigningRequest().build(), Status.Code.INVALID_ARGUMENT)
        .contains("certificate_signing_request is empty");
    assertRefused(
            good.toBuilder()
                .setCertificateSigningRequest(ByteString.copyFromUtf8("garbage"))
                .build(),
            Status.Code.INVALID_ARGUMENT)
        .contains("PKCS#10");
    assertRefused(
            good.toBuilder()
                .setCertificateSigningRequest(
                    good.getCertificateSigningRequest().concat(ByteString.copyFromUtf8("x")))
                .build(),
            Status.Code.INVALID_ARGUMENT)
        .contains("PKCS#10");
    assertRefused(good.toBuilder().setIdentity("web.shop").build(), Status.Code.INVALID_ARGUMENT)
        .contains("\"web.shop\"", "<service account>.<namespace>");
    assertRefused(
            good.toBuilder().setToken(ByteString.copyFromUtf8("secret-token")).build(),
            Status.Code.INVALID_ARGUMENT)
        .contains("not a signed JWT")
        .doesNotContain("secret-token");
  }

  @Test
  void requestsOfStrangersAreBoundedInSize() {
    CertifyRequest large =
        request(WEB, WEB, PrivateKeys.generate()).toBuilder()
            .setToken(ByteString.copyFrom(new byte[100_000]))
            .build();

    assertRefused(large, Status.Code.RESOURCE_EXHAUSTED);
  }

  @Test
  void foreignTokenIsRefusedAndOnRecord(@TempDir Path other) throws Exception {
    WorkloadTokens foreign = WorkloadTokens.open(other, "signet", "cluster.local", clock);
    String token = foreign.issue("shop", "web", Duration.ofHours(1));

    assertRefused(
            request(WEB, WEB, PrivateKeys.generate()).toBuilder()
                .setToken(ByteString.copyFromUtf8(token))
                .build(),
            Status.Code.FAILED_PRECONDITION)
        .contains("not signed by the token key");

    AdministrativeEvent event = nextEvent();
    assertThat(event.act()).isEqualTo("certificate-refused");
    assertThat(event.attributes()).containsEntry("code", "FAILED_PRECONDITION");
    assertThat(event.toString()).doesNotContain(token);
  }

  @Test
  void clientKeepsItsLeafFreshAndReportsWhatItTrusts() throws Exception {
    server.close();
    IdentityServer quick = startServer(new IssuancePolicy(Duration.ofSeconds(8), Duration.ZERO), 0);
    BlockingQueue<Credentials> seen = new LinkedBlockingQueue<>();
    IdentityClient client = client(quick, WEB);
    client.onChange(seen::add);

    Credentials first = client.firstCredentials().get(20, TimeUnit.SECONDS);
    X509Certificate firstLeaf = first.certificate().leaf();
    await(() -> !client.credentials().certificate().leaf().equals(firstLeaf));

    Credentials second = client.credentials();
    assertThat(second.certificate().leaf().getPublicKey()).isNotEqualTo(firstLeaf.getPublicKey());
    assertThat(firstLeaf.getNotAfter().toInstant()).isAfter(clock.instant());
    assertThat(client.isCertified()).isTrue();
    assertThat(client.metrics().refreshes()).isGreaterThanOrEqualTo(2);
    assertThat(client.metrics().trustVersion()).isEqualTo(2);
    assertThat(seen).contains(first);
    await(
        () ->
            quick.ledger().adoptions().stream()
                .anyMatch(
                    adoption ->
                        adoption.identity().equals(WEB.dnsName())
                            && adoption.connected()
                            && adoption.report().getTrustedVersion() == 2
                            && Arrays.equals(
                                adoption.report().getTrustedDigest().toByteArray(),
                                quick.bundles().get().digest())));
  }

  @Test
  void newBundleReachesTheClientWithoutReconnecting() throws Exception {
    IdentityClient client = client(server, WEB);
    client.firstCredentials().get(20, TimeUnit.SECONDS);
    await(() -> client.metrics().trustVersion() == 2);

    X509Certificate another = TestPki.create("next").anchor().getCertificate();
    List<X509Certificate> both = new ArrayList<>(server.bundles().get().anchors());
    both.add(another);
    server.bundles().setBundle(both);

    await(() -> client.metrics().trustVersion() == 3);
    assertThat(client.credentials().trust().anchors()).isEqualTo(both);
    await(
        () ->
            server.ledger().adoptions().stream()
                .anyMatch(adoption -> adoption.report().getTrustedVersion() == 3));
    assertThat(events()).anyMatch(event -> event.act().equals("bundle-changed"));
  }

  @Test
  void restartKeepsAnchorIssuerBundleVersionAndTokens() throws Exception {
    List<X509Certificate> first = chain(certify(request(WEB, WEB, PrivateKeys.generate())));
    TrustBundle bundle = server.bundles().get();
    ByteString token = token(WEB);
    server.close();

    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    server = startServer(IssuancePolicy.DEFAULT, 0);

    List<X509Certificate> second =
        chain(
            certify(request(WEB, WEB, PrivateKeys.generate()).toBuilder().setToken(token).build()));
    assertThat(server.bundles().get()).isEqualTo(bundle);
    assertThat(second.get(1)).isEqualTo(first.get(1));
    assertThat(second.getFirst().getSerialNumber())
        .isNotEqualTo(first.getFirst().getSerialNumber());
  }

  @Test
  void restartWithAnotherCaIsRefusedAsLongAsTheBundleOfTheMeshIsThere() throws Exception {
    TrustBundle bundle = server.bundles().get();
    server.close();
    Files.move(state.resolve("ca"), state.resolve("lost"));

    assertThatThrownBy(() -> startServer(IssuancePolicy.DEFAULT, 0))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("ca is missing, and trust-bundle.json is of another CA");
    assertThat(state.resolve("ca")).doesNotExist();
    EmbeddedAuthority.create(
        state, "signet", "cluster.local", EmbeddedAuthority.Plan.DEFAULT, clock);
    assertThatThrownBy(() -> startServer(IssuancePolicy.DEFAULT, 0))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("no anchor of trust-bundle.json vouches for issuer");

    Files.move(state.resolve("ca"), state.resolve("other"));
    Files.move(state.resolve("lost"), state.resolve("ca"));
    assertThat(startServer(IssuancePolicy.DEFAULT, 0).bundles().get()).isEqualTo(bundle);
  }

  @Test
  void anchorsAreAddedWhileTheServerIsStoppedToo() throws Exception {
    X509Certificate own = server.bundles().get().anchors().getFirst();
    X509Certificate another = TestPki.create("next").anchor().getCertificate();
    server.close();
    StateFiles.writePublic(
        state.resolve("ca/anchor.crt"), Certificates.toPem(List.of(own, another)));

    IdentityServer again = startServer(IssuancePolicy.DEFAULT, 0);

    assertThat(again.bundles().get().anchors()).containsExactly(own, another);
    assertThat(again.bundles().get().version()).isEqualTo(3);
  }

  @Test
  void anOlderCopyOfTheBundleFileIsReplacedAndThatIsOnRecord() throws Exception {
    Path file = state.resolve("trust-bundle.json");
    String inForce = Files.readString(file);
    StateFiles.writePublic(file, inForce.replaceFirst("\"version\" : 2", "\"version\" : 1"));
    assertThat(file).content().isNotEqualTo(inForce);

    await(() -> events().stream().anyMatch(event -> event.act().equals("bundle-restored")));

    assertThat(file).hasContent(inForce);
    assertThat(server.bundles().get().version()).isEqualTo(2);
  }

  @Test
  void clientSurvivesARestartOfTheServer() throws Exception {
    server.close();
    IdentityServer quick = startServer(new IssuancePolicy(Duration.ofSeconds(4), Duration.ZERO), 0);
    int port = quick.address().getPort();
    IdentityClient client = client(quick, WEB);
    client.firstCredentials().get(20, TimeUnit.SECONDS);
    quick.close();
    long before = client.metrics().refreshes();

    startServer(new IssuancePolicy(Duration.ofSeconds(4), Duration.ZERO), port);

    await(() -> client.metrics().refreshes() > before + 1);
    assertThat(client.isCertified()).isTrue();
  }

  @Test
  void secretsHaveMode0600() throws Exception {
    for (String file : List.of("ca/anchor.key", "ca/issuer.pem", "token.key")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state.resolve(file))))
          .as(file)
          .isEqualTo("rw-------");
    }
    Path token = files.resolve("token");
    tokens.issueTo(token, "shop", "web", Duration.ofMinutes(1));
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(token)))
        .isEqualTo("rw-------");
  }

  @Test
  void bundleStreamNeedsAClientCertificate() {
    ManagedChannel channel = anonymous(server);
    LinkedBlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
    StreamObserver<TrustReport> reports =
        TrustBundlesGrpc.newStub(channel)
            .watch(
                new StreamObserver<>() {
                  @Override
                  public void onNext(io.signetmesh.v1.TrustBundle bundle) {}

                  @Override
                  public void onError(Throwable error) {
                    errors.add(error);
                  }

                  @Override
                  public void onCompleted() {}
                });

    await(() -> !errors.isEmpty());
    assertThat(Status.fromThrowable(errors.element()).getCode())
        .isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(reports).isNotNull();
  }

  @Test
  void aConnectionHasTwoBundleStreams() throws Exception {
    Credentials web = client(server, WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    ManagedChannel channel =
        ControlChannel.open(address(server), SERVER.dnsName(), () -> web, clock, loops);
    open.add(channel::shutdownNow);
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    for (int i = 0; i < 3; i++) {
      TrustBundlesGrpc.newStub(channel)
          .watch(
              new StreamObserver<>() {
                @Override
                public void onNext(io.signetmesh.v1.TrustBundle bundle) {
                  told.add("bundle");
                }

                @Override
                public void onError(Throwable error) {
                  told.add(Status.fromThrowable(error).getCode().toString());
                }

                @Override
                public void onCompleted() {}
              });
    }
    List<String> first = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      first.add(told.poll(20, TimeUnit.SECONDS));
    }

    assertThat(first).containsExactlyInAnyOrder("bundle", "bundle", "RESOURCE_EXHAUSTED");
  }

  @Test
  void aReportBeyondTheLimitsEndsItsStreamAndIsNotKept() throws Exception {
    Credentials web = client(server, WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    ManagedChannel channel =
        ControlChannel.open(address(server), SERVER.dnsName(), () -> web, clock, loops);
    open.add(channel::shutdownNow);
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    TrustReport.Builder report =
        TrustReport.newBuilder()
            .setTrustedVersion(99)
            .setTrustedDigest(ByteString.copyFrom(web.trust().digest()));
    for (int i = 0; i < 1_000; i++) {
      report.addPeerAnchorsBuilder();
    }

    TrustBundlesGrpc.newStub(channel)
        .watch(
            new StreamObserver<>() {
              @Override
              public void onNext(io.signetmesh.v1.TrustBundle bundle) {}

              @Override
              public void onError(Throwable error) {
                ends.add(Status.fromThrowable(error));
              }

              @Override
              public void onCompleted() {}
            })
        .onNext(report.build());

    Status end = ends.poll(20, TimeUnit.SECONDS);
    assertThat(end).isNotNull();
    assertThat(end.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(end.getDescription())
        .contains(WEB.dnsName(), "peer_anchors has 1000 entries: expected at most 16");
    assertThat(server.ledger().adoptions())
        .noneMatch(adoption -> adoption.report().getTrustedVersion() == 99);
  }

  @Test
  void manyReportsOfAStreamAreTakenAFewEachSecondAndTheLastOneCounts() throws Exception {
    Credentials web = client(server, WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    ManagedChannel channel =
        ControlChannel.open(address(server), SERVER.dnsName(), () -> web, clock, loops);
    open.add(channel::shutdownNow);
    StreamObserver<TrustReport> reports =
        TrustBundlesGrpc.newStub(channel)
            .watch(
                new StreamObserver<>() {
                  @Override
                  public void onNext(io.signetmesh.v1.TrustBundle bundle) {}

                  @Override
                  public void onError(Throwable error) {}

                  @Override
                  public void onCompleted() {}
                });
    long start = System.nanoTime();
    // Five waits have to end, at least a second apart.
    int many = 5 * TrustBundleService.MAX_REPORTS + 1;
    for (int i = 1; i <= many; i++) {
      reports.onNext(
          TrustReport.newBuilder()
              .setTrustedVersion(1_000L + i)
              .setTrustedDigest(ByteString.copyFrom(web.trust().digest()))
              .build());
    }

    await(
        () ->
            server.ledger().adoptions().stream()
                .anyMatch(adoption -> adoption.report().getTrustedVersion() == 1_000L + many));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofSeconds(3));
  }

  @Test
  void cleartextOnLoopbackServesWithoutTls() throws Exception {
    server.close();
    IdentityServer plain =
        keep(
            IdentityServer.start(
                new Config(
                    state,
                    SERVER,
                    new InetSocketAddress("127.0.0.1", 0),
                    true,
                    IssuancePolicy.DEFAULT,
                    null),
                Attestation.of(tokens),
                loops,
                audit::add,
                clock));
    Path token = files.resolve("token");
    tokens.issueTo(token, "shop", "web", Duration.ofMinutes(5));
    IdentityClient client =
        keep(
            IdentityClient.start(
                IdentityClient.Config.of(
                    WEB.dnsName(), token, anchors(plain), address(plain), null),
                loops,
                clock));

    client.firstCredentials().get(20, TimeUnit.SECONDS);
    await(() -> client.metrics().trustVersion() == 2);
  }

  @Test
  void anOperatorMakesAJoinTokenAndAWorkloadRenewsByItsLeafAfterwards() throws Exception {
    server.close();
    server = startServer(new IssuancePolicy(Duration.ofSeconds(4), Duration.ZERO), 0);
    String secret = joinToken(WEB);
    Path token = files.resolve("join");
    Files.writeString(token, secret);
    BlockingQueue<Credentials> seen = new LinkedBlockingQueue<>();
    IdentityClient client =
        keep(
            IdentityClient.start(
                IdentityClient.Config.of(
                    WEB.dnsName(), token, anchors(server), address(server), SERVER.dnsName()),
                loops,
                clock));
    client.onChange(seen::add);

    X509Certificate first = next(seen, null);
    X509Certificate second = next(seen, first);
    X509Certificate third = next(seen, second);

    assertThat(third.getSerialNumber()).isNotEqualTo(first.getSerialNumber());
    assertThat(server.issued().of(WEB.dnsName()))
        .isNotEmpty()
        .allMatch(leaf -> leaf.attestor().equals("join-token"))
        .extracting(leaf -> leaf.attestedAt())
        .containsOnly(server.issued().of(WEB.dnsName()).getFirst().attestedAt());
    // Somebody else who holds the token.
    assertRefused(
            request(WEB, WEB, PrivateKeys.generate()).toBuilder()
                .setToken(ByteString.copyFromUtf8(secret))
                .build(),
            Status.Code.FAILED_PRECONDITION)
        .contains("was used at");
  }

  @Test
  void aJoinTokenOfAnotherWorkloadIsRefusedAndStaysGood() throws Exception {
    ByteString secret = ByteString.copyFromUtf8(joinToken(WEB));

    assertRefused(
            request(CART, CART, PrivateKeys.generate()).toBuilder().setToken(secret).build(),
            Status.Code.FAILED_PRECONDITION)
        .contains("the token is of " + WEB.dnsName());

    certify(request(WEB, WEB, PrivateKeys.generate()).toBuilder().setToken(secret).build());
    assertThat(server.issued().of(WEB.dnsName())).hasSize(1);
  }

  @Test
  void neitherTokenNorCertificateIsRefused() {
    assertRefused(
            request(WEB, WEB, PrivateKeys.generate()).toBuilder()
                .setToken(ByteString.EMPTY)
                .build(),
            Status.Code.INVALID_ARGUMENT)
        .contains("CertifyRequest.token is empty");
  }

  @Test
  void aLeafRenewsItsOwnIdentityAndNoOther() throws Exception {
    Credentials web = client(server, WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    ManagedChannel channel =
        ControlChannel.open(address(server), SERVER.dnsName(), () -> web, clock, loops);
    keep(channel::shutdownNow);
    IdentityGrpc.IdentityBlockingStub stub =
        IdentityGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
    CertifyRequest own =
        request(WEB, WEB, PrivateKeys.generate()).toBuilder().setToken(ByteString.EMPTY).build();
    CertifyRequest others =
        request(CART, CART, PrivateKeys.generate()).toBuilder().setToken(ByteString.EMPTY).build();

    assertThat(stub.certify(own).getLeafCertificate().isEmpty()).isFalse();
    assertThatThrownBy(() -> stub.certify(others))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("the client certificate is of " + WEB.dnsName());
  }

  private String joinToken(WorkloadIdentity identity) throws Exception {
    ManagedChannel channel = ControlChannel.openLocal(IdentityServer.socket(state), loops);
    try {
      return IdentityAdminGrpc.newBlockingStub(channel)
          .withDeadlineAfter(20, TimeUnit.SECONDS)
          .createJoinToken(
              CreateJoinTokenRequest.newBuilder()
                  .setIdentity(identity.dnsName())
                  .setTtl(com.google.protobuf.Duration.newBuilder().setSeconds(60))
                  .build())
          .getTokens(0)
          .getSecret();
    } finally {
      channel.shutdownNow();
    }
  }

  private static X509Certificate next(
      BlockingQueue<Credentials> seen, @Nullable X509Certificate before) throws Exception {
    while (true) {
      Credentials credentials = Objects.requireNonNull(seen.poll(30, TimeUnit.SECONDS));
      if (!credentials.certificate().leaf().equals(before)) {
        return credentials.certificate().leaf();
      }
    }
  }

  @Test
  void cleartextOnAnotherAddressIsRefused() {
    assertThatThrownBy(
            () ->
                IdentityServer.start(
                    new Config(
                        files.resolve("cleartext"),
                        SERVER,
                        new InetSocketAddress("0.0.0.0", 0),
                        true,
                        IssuancePolicy.DEFAULT,
                        null),
                    Attestation.of(tokens),
                    loops,
                    audit::add,
                    clock))
        .hasMessageContaining("loopback address only");
  }

  @Test
  void issuerFromFilesMustBelongToItsKeyAndAnchors(@TempDir Path own) throws Exception {
    TestPki pki = TestPki.create("external");
    TestPki other = TestPki.create("other");
    Path issuer = write("issuer.crt", Certificates.toPem(List.of(pki.issuer().getCertificate())));
    Path key = write("issuer.key", PrivateKeys.toPem(pki.issuer().getKeyPair().getPrivate()));
    Path anchors = write("anchors.crt", Certificates.toPem(pki.trust().anchors()));

    IdentityServer external = startExternal(own, new PemFiles(issuer, key, anchors));
    IdentityClient client = client(external, WEB);
    Credentials credentials = client.firstCredentials().get(20, TimeUnit.SECONDS);
    assertThat(credentials.certificate().chain().get(1)).isEqualTo(pki.issuer().getCertificate());

    Path foreignKey =
        write("foreign.key", PrivateKeys.toPem(other.issuer().getKeyPair().getPrivate()));
    assertThatThrownBy(
            () ->
                startExternal(files.resolve("foreign"), new PemFiles(issuer, foreignKey, anchors)))
        .hasMessageContaining("does not belong to issuer")
        .hasMessageContaining("foreign.key");
    Path foreignAnchors = write("foreign.crt", Certificates.toPem(other.trust().anchors()));
    assertThatThrownBy(
            () ->
                startExternal(
                    files.resolve("elsewhere"), new PemFiles(issuer, key, foreignAnchors)))
        .hasMessageContaining("does not lead to one of the 1 trust anchors");
  }

  private IdentityServer startExternal(Path directory, PemFiles external) throws Exception {
    return keep(
        IdentityServer.start(
            new Config(
                directory,
                SERVER,
                new InetSocketAddress("127.0.0.1", 0),
                false,
                IssuancePolicy.DEFAULT,
                external),
            Attestation.of(tokens),
            loops,
            audit::add,
            clock));
  }

  private IdentityServer startServer(IssuancePolicy policy, int port) throws Exception {
    return keep(
        IdentityServer.start(
            new Config(
                state,
                SERVER,
                new InetSocketAddress("127.0.0.1", port),
                false,
                policy,
                null,
                keep(meters = ServerMeters.start("identity", loops::load, null))),
            Attestation.of(tokens),
            loops,
            audit::add,
            Clock.systemUTC()));
  }

  private IdentityClient client(IdentityServer of, WorkloadIdentity identity) throws Exception {
    Path token = files.resolve(identity.serviceAccount() + ".token");
    tokens.issueTo(token, identity.namespace(), identity.serviceAccount(), Duration.ofMinutes(5));
    return keep(
        IdentityClient.start(
            IdentityClient.Config.of(
                identity.dnsName(), token, anchors(of), address(of), SERVER.dnsName()),
            loops,
            clock));
  }

  private static TrustBundle anchors(IdentityServer of) {
    return of.bundles().get().withVersion(0);
  }

  private static ControlChannel.Address address(IdentityServer of) {
    return new ControlChannel.Address("127.0.0.1", of.address().getPort());
  }

  private ManagedChannel anonymous(IdentityServer of) {
    TrustBundle trust = anchors(of);
    ManagedChannel channel =
        ControlChannel.openAnonymous(address(of), SERVER.dnsName(), () -> trust, clock, loops);
    open.add(channel::shutdownNow);
    return channel;
  }

  private CertifyResponse certify(CertifyRequest request) {
    return IdentityGrpc.newBlockingStub(anonymous(server))
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .certify(request);
  }

  private org.assertj.core.api.AbstractStringAssert<?> assertRefused(
      CertifyRequest request, Status.Code code) {
    try {
      certify(request);
    } catch (StatusRuntimeException e) {
      assertThat(e.getStatus().getCode()).as(e.getMessage()).isEqualTo(code);
      return assertThat(e.getStatus().getDescription());
    }
    throw new AssertionError("not refused");
  }

  private CertifyRequest request(WorkloadIdentity asked, WorkloadIdentity holder, KeyPair keys) {
    return CertifyRequest.newBuilder()
        .setIdentity(asked.dnsName())
        .setToken(token(holder))
        .setCertificateSigningRequest(csr(asked.dnsName(), keys))
        .build();
  }

  private ByteString token(WorkloadIdentity holder) {
    return ByteString.copyFromUtf8(
        tokens.issue(holder.namespace(), holder.serviceAccount(), Duration.ofHours(1)));
  }

  private static ByteString csr(String name, KeyPair keys) {
    return ByteString.copyFrom(SigningRequest.create(name, keys));
  }

  private static List<X509Certificate> chain(CertifyResponse response) throws Exception {
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(Certificates.parseDer("leaf", response.getLeafCertificate().toByteArray()));
    for (ByteString der : response.getIntermediateCertificatesList()) {
      chain.add(Certificates.parseDer("intermediate", der.toByteArray()));
    }
    return chain;
  }

  private AdministrativeEvent nextEvent() throws InterruptedException {
    AuditEvent event = audit.poll(20, TimeUnit.SECONDS);
    assertThat(event).isInstanceOf(AdministrativeEvent.class);
    return (AdministrativeEvent) event;
  }

  private List<AdministrativeEvent> events() {
    return audit.stream().map(AdministrativeEvent.class::cast).toList();
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private Path write(String name, String content) throws Exception {
    return Files.writeString(files.resolve(name), content);
  }

  private static String openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }
}
