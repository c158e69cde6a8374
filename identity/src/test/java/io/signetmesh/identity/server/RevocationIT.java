package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.netty.pkitesting.CertificateBuilder.Algorithm;
import io.netty.pkitesting.CertificateBuilder.KeyUsage;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.CaChain;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.revocation.RevokedCertificate;
import io.signetmesh.identity.ca.source.AuthoritySource;
import io.signetmesh.identity.ca.source.PemFiles;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.pki.crl.RevocationReason;
import io.signetmesh.identity.server.IdentityServer.Config;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.GetRevocationListRequest;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.LiftRevocationRequest;
import io.signetmesh.v1.ListRevocationsRequest;
import io.signetmesh.v1.RevokeRequest;
import io.signetmesh.v1.RevokeResponse;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.io.ByteArrayInputStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
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

/** A revocation on its way from the operator to those who verify. */
@Timeout(90)
class RevocationIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final WorkloadIdentity CART =
      new WorkloadIdentity("cart", "shop", "signet", "cluster.local");

  private static final String DISTRIBUTION_POINTS = "2.5.29.31";

  @TempDir Path state;
  @TempDir Path files;

  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private IssuancePolicy policy = IssuancePolicy.DEFAULT;
  private WorkloadTokens tokens;
  private IdentityServer server;
  private @Nullable AuthoritySource source;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", Clock.systemUTC());
    server = startServer(0);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  /** On a busy machine any of them may take longer; but not all. */
  @Test
  void revocationTakesLessThanASecondToAConnectedWorkload() throws Exception {
    IdentityClient cart = client(CART);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);
    Duration fastest = Duration.ofDays(1);
    for (int i = 0; i < 10 && fastest.compareTo(Duration.ofSeconds(1)) >= 0; i++) {
      WorkloadIdentity other =
          new WorkloadIdentity(
              "other-" + i, WEB.namespace(), WEB.controlPlaneNamespace(), WEB.trustDomain());
      long start = System.nanoTime();
      RevokeResponse response = admin().revoke(identity(other).build());
      await(() -> cart.credentials().peers().revoked().number() >= response.getNumber());
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      fastest = took.compareTo(fastest) < 0 ? took : fastest;
    }
    assertThat(fastest).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void revokedIdentityIsRefusedByConnectedWorkloads() throws Exception {
    IdentityClient cart = client(CART);
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);
    assertThat(isTrusted(web, cart.credentials().peers())).isTrue();

    RevokeResponse response = admin().revoke(identity(WEB).build());
    await(() -> cart.credentials().peers().revoked().number() >= response.getNumber());

    assertThat(isTrusted(web, cart.credentials().peers())).isFalse();
    assertThat(response.getCertificates()).isOne();
    assertThat(response.getCutOffList()).hasSize(1);
    assertThat(response.getCutOff(0).getIdentity()).isEqualTo(WEB.dnsName());
    assertThat(response.getCutOff(0).getAddress()).startsWith("127.0.0.1:");
    AdministrativeEvent event = next("identity-revoked");
    assertThat(event.subject()).isEqualTo(WEB.dnsName());
    assertThat(event.actor()).startsWith("operator uid ");
    assertThat(event.attributes())
        .containsEntry("number", Long.toString(response.getNumber()))
        .containsEntry("reason", "keyCompromise");
  }

  @Test
  void revokedIdentityGetsNoCertificateAndMayNotCallTheIdentityServer() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);

    admin().revoke(identity(WEB).build());

    assertThatThrownBy(() -> certify(WEB))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
              assertThat(e).hasMessageContaining("is revoked");
            });
    assertThat(next("certificate-refused").attributes()).containsEntry("code", "PERMISSION_DENIED");
    ManagedChannel channel =
        ControlChannel.open(address(), SERVER.dnsName(), () -> web, Clock.systemUTC(), loops);
    keep(channel::shutdownNow);
    BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
    TrustBundlesGrpc.newStub(channel)
        .watch(
            new io.grpc.stub.StreamObserver<>() {
              @Override
              public void onNext(io.signetmesh.v1.TrustBundle bundle) {
                ends.add(Status.OK);
              }

              @Override
              public void onError(Throwable error) {
                ends.add(Status.fromThrowable(error));
              }

              @Override
              public void onCompleted() {
                ends.add(Status.OK);
              }
            })
        .onNext(TrustReport.getDefaultInstance());
    Status end = ends.poll(20, TimeUnit.SECONDS);
    assertThat(end).isNotNull();
    assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void revocationsSurviveARestartOfTheServerAndOfWorkloads() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    admin().revoke(identity(WEB).build());
    server.close();
    server = startServer(0);

    IdentityClient cart = client(CART);
    Credentials first = cart.firstCredentials().get(20, TimeUnit.SECONDS);

    // The first credentials that anybody sees know it already.
    assertThat(first.peers().revoked().lists(WEB.dnsName())).isTrue();
    assertThat(isTrusted(web, first.peers())).isFalse();
    assertThatThrownBy(() -> certify(WEB)).hasMessageContaining("is revoked");
  }

  @Test
  void liftedIdentityGetsACertificateAndItsEarlierLeafStaysRevoked() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    IdentityClient cart = client(CART);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);
    admin().revoke(identity(WEB).build());

    var lifted =
        admin()
            .liftRevocation(LiftRevocationRequest.newBuilder().setIdentity(WEB.spiffeId()).build());

    assertThat(lifted.getCertificatesLeft()).isOne();
    await(() -> cart.credentials().peers().revoked().number() >= lifted.getNumber());
    assertThat(isTrusted(web, cart.credentials().peers())).isFalse();
    Credentials again = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    assertThat(isTrusted(again, cart.credentials().peers())).isTrue();
  }

  @Test
  void oneLeafIsRevokedByItsSerialNumber() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    IdentityClient cart = client(CART);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);
    String serial = Certificates.serial(web.certificate().leaf());

    RevokeResponse dry =
        admin().revoke(RevokeRequest.newBuilder().setSerial(serial).setDryRun(true).build());
    assertThat(dry.getNumber()).isZero();
    assertThat(dry.getCutOff(0).getSerial()).isEqualTo(serial);
    assertThat(cart.credentials().peers().revoked().size()).isZero();

    RevokeResponse response = admin().revoke(RevokeRequest.newBuilder().setSerial(serial).build());
    await(() -> cart.credentials().peers().revoked().number() >= response.getNumber());
    assertThat(isTrusted(web, cart.credentials().peers())).isFalse();
    // The identity itself is in order: with a new key it goes on.
    assertThat(
            isTrusted(
                client(WEB).firstCredentials().get(20, TimeUnit.SECONDS),
                cart.credentials().peers()))
        .isTrue();
  }

  @Test
  void aLeafThatIsRevokedWhileItsWorkloadIsAwayIsReplacedWhenItComesBack() throws Exception {
    IdentityClient web = client(WEB);
    X509Certificate leaf = web.firstCredentials().get(20, TimeUnit.SECONDS).certificate().leaf();
    int port = server.address().getPort();
    server.close();
    try (RevocationStore store = RevocationStore.open(state, Clock.systemUTC())) {
      store.revoke(
          List.of(
              new RevokedCertificate(
                  leaf.getIssuerX500Principal(),
                  leaf.getSerialNumber(),
                  RevocationReason.KEY_COMPROMISE,
                  Instant.now(),
                  leaf.getNotAfter().toInstant(),
                  WEB.dnsName())));
    }

    server = startServer(port);

    await(() -> !web.credentials().certificate().leaf().equals(leaf));
  }

  @Test
  void whatWasRenewedFromALeafIsRevokedWithIt() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    IdentityClient cart = client(CART);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);
    String renewed = renew(web);
    String again = Certificates.serial(web.certificate().leaf());

    RevokeResponse dry =
        admin().revoke(RevokeRequest.newBuilder().setSerial(again).setDryRun(true).build());
    assertThat(dry.getCertificates()).isEqualTo(2);
    assertThat(dry.getCutOffList()).extracting(cut -> cut.getSerial()).contains(again, renewed);
    RevokeResponse response = admin().revoke(RevokeRequest.newBuilder().setSerial(again).build());

    assertThat(response.getCertificates()).isEqualTo(2);
    assertThat(serials()).containsExactlyInAnyOrder(again, renewed);
  }

  @Test
  void leafThatWasRenewedFromAnotherIsRevokedWithoutThatOne() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    String renewed = renew(web);

    admin().revoke(RevokeRequest.newBuilder().setSerial(renewed).build());

    assertThat(serials()).containsExactly(renewed);
  }

  @Test
  void leafOfANewIssuerIsRevokedBeforeTheNextUpkeepAndAnIssuerWithoutCrlSignIsRefused()
      throws Exception {
    server.close();
    CaChain ca = CaChain.of("first", Algorithm.ecp256, 1);
    PemFiles pem =
        new PemFiles(files.resolve("chain"), files.resolve("key"), files.resolve("anchors"));
    put(ca);
    Files.writeString(files.resolve("anchors"), ca.anchorPem());
    source = pem;
    server = startServer(0);
    CaChain next = ca.reissued("next");
    put(next);
    await(() -> issuerInUse().equals(next.chain().getFirst()));
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    String serial = Certificates.serial(web.certificate().leaf());

    assertThat(admin().revoke(RevokeRequest.newBuilder().setSerial(serial).build()).getOnRecord())
        .isTrue();

    put(ca.reissued("no lists", issuer -> issuer.setKeyUsage(true, KeyUsage.keyCertSign)));
    assertThat(next("issuer-refused").attributes()).containsEntry("reason", "no_crl_sign");
    assertThat(issuerInUse()).isEqualTo(next.chain().getFirst());
    client(CART).firstCredentials().get(20, TimeUnit.SECONDS);
  }

  @Test
  void workloadWhoseLeafIsRevokedAsksForAnotherAtOnceByItsToken() throws Exception {
    IdentityClient web = client(WEB);
    X509Certificate revoked = web.firstCredentials().get(20, TimeUnit.SECONDS).certificate().leaf();

    admin().revoke(RevokeRequest.newBuilder().setSerial(Certificates.serial(revoked)).build());

    await(() -> !web.credentials().certificate().leaf().equals(revoked));
    assertThat(isTrusted(web.credentials(), web.credentials().peers())).isTrue();
  }

  @Test
  void issuerIsRevokedWithAllCertificatesOfItsKey() throws Exception {
    server.close();
    CaChain ca = CaChain.of("first", Algorithm.ecp256, 1);
    PemFiles pem =
        new PemFiles(files.resolve("chain"), files.resolve("key"), files.resolve("anchors"));
    put(ca);
    Files.writeString(files.resolve("anchors"), ca.anchorPem());
    source = pem;
    server = startServer(0);
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    X509Certificate first = issuerInUse();
    // The same key, certified again.
    X509Certificate second =
        ca.reissued("", again -> again.subject("CN=first CA 1").publicKey(first.getPublicKey()))
            .chain()
            .getFirst();
    Files.writeString(files.resolve("chain"), Certificates.toPem(List.of(second)));
    await(() -> issuerInUse().equals(second));
    String key = HexFormat.of().formatHex(Certificates.sha256(first.getPublicKey()));
    assertRefused(
        RevokeRequest.newBuilder().setIssuer(Certificates.serial(first)),
        Status.Code.FAILED_PRECONDITION,
        "is in use");
    CaChain next = ca.reissued("next");
    put(next);
    await(() -> issuerInUse().equals(next.chain().getFirst()));
    IdentityClient cart = client(CART);
    cart.firstCredentials().get(20, TimeUnit.SECONDS);

    RevokeResponse response = admin().revoke(RevokeRequest.newBuilder().setIssuer(key).build());

    assertThat(response.getCertificates()).isEqualTo(2);
    await(() -> cart.credentials().peers().revoked().number() >= response.getNumber());
    for (X509Certificate issuer : List.of(first, second)) {
      Credentials shown =
          new Credentials(
              new WorkloadCertificate(
                  web.certificate().privateKey(), List.of(web.certificate().leaf(), issuer)),
              web.peers());
      assertThat(isTrusted(shown, cart.credentials().peers())).as("%s", issuer).isFalse();
    }
  }

  private void put(CaChain ca) throws Exception {
    Files.writeString(files.resolve("chain"), ca.chainPem());
    Files.writeString(files.resolve("key"), ca.keyPem());
  }

  private X509Certificate issuerInUse() {
    try {
      return server.authority().requireIssuer().certificate();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void secondServerOfAStateDirectoryLeavesItsRevocationsAlone() throws Exception {
    byte[] before = Files.readAllBytes(state.resolve("revocations.log"));

    assertThatThrownBy(() -> startServer(0)).isInstanceOf(BindException.class);

    assertThat(Files.readAllBytes(state.resolve("revocations.log"))).isEqualTo(before);
  }

  /** Serial number of a leaf that was made by showing another one. */
  private String renew(Credentials by) throws Exception {
    ManagedChannel channel =
        ControlChannel.open(address(), SERVER.dnsName(), () -> by, Clock.systemUTC(), loops);
    keep(channel::shutdownNow);
    var response =
        IdentityGrpc.newBlockingStub(channel)
            .withDeadlineAfter(20, TimeUnit.SECONDS)
            .certify(
                CertifyRequest.newBuilder()
                    .setIdentity(WEB.dnsName())
                    .setCertificateSigningRequest(
                        ByteString.copyFrom(
                            SigningRequest.create(WEB.dnsName(), PrivateKeys.generate())))
                    .build());
    return Certificates.serial(
        Certificates.parseDer("leaf", response.getLeafCertificate().toByteArray()));
  }

  private List<String> serials() {
    List<String> serials = new ArrayList<>();
    admin()
        .listRevocations(ListRevocationsRequest.getDefaultInstance())
        .forEachRemaining(
            part -> part.getRevocationsList().forEach(entry -> serials.add(entry.getSerial())));
    return serials;
  }

  @Test
  void whatCannotBeRevokedIsRefusedWithTheReason() throws Exception {
    assertRefused(identity(SERVER), Status.Code.FAILED_PRECONDITION, "identity server's own");
    assertRefused(RevokeRequest.newBuilder(), Status.Code.INVALID_ARGUMENT, "nothing to revoke");
    assertRefused(
        RevokeRequest.newBuilder().setIdentity("a b"), Status.Code.INVALID_ARGUMENT, "\"a b\"");
    assertRefused(
        RevokeRequest.newBuilder().setSerial("xyz"), Status.Code.INVALID_ARGUMENT, "hexadecimal");
    assertRefused(
        RevokeRequest.newBuilder().setSerial("f".repeat(41)),
        Status.Code.INVALID_ARGUMENT,
        "at most 40");
    assertRefused(
        identity(WEB).setReason("removeFromCRL"), Status.Code.INVALID_ARGUMENT, "keyCompromise");
    assertRefused(
        RevokeRequest.newBuilder().setIssuer("00ff"), Status.Code.NOT_FOUND, "no issuer ff");
    X509Certificate issuer = server.authority().requireIssuer().certificate();
    assertRefused(
        RevokeRequest.newBuilder().setIssuer(Certificates.serial(issuer)),
        Status.Code.FAILED_PRECONDITION,
        "is in use");
    assertThatThrownBy(
            () ->
                admin()
                    .liftRevocation(
                        LiftRevocationRequest.newBuilder().setIdentity(WEB.dnsName()).build()))
        .hasMessageContaining("NOT_FOUND");
  }

  @Test
  void opensslAndTheJdkRefuseWhatIsOnThePublishedList() throws Exception {
    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    Credentials cart = client(CART).firstCredentials().get(20, TimeUnit.SECONDS);
    admin().revoke(identity(WEB).build());

    byte[] der = Objects.requireNonNull(server.documents().get("/crl")).newest().content();
    Path crl = files.resolve("list.crl");
    Files.write(crl, der);
    Path pem = files.resolve("list.pem");
    openssl(0, "crl", "-inform", "DER", "-in", crl.toString(), "-out", pem.toString());
    Path anchor = pem("anchor.pem", server.bundles().get().anchors());
    Path issuer = pem("issuer.pem", cart.certificate().chain().subList(1, 2));
    List<String> verify =
        List.of(
            "verify",
            "-crl_check",
            "-CAfile",
            anchor.toString(),
            "-untrusted",
            issuer.toString(),
            "-CRLfile",
            pem.toString());
    List<String> good = new ArrayList<>(verify);
    good.add(pem("cart.pem", cart.certificate().chain().subList(0, 1)).toString());
    assertThat(openssl(0, good.toArray(new String[0]))).contains("OK");
    List<String> bad = new ArrayList<>(verify);
    bad.add(pem("web.pem", web.certificate().chain().subList(0, 1)).toString());
    assertThat(openssl(2, bad.toArray(new String[0]))).contains("certificate revoked");

    validate(cart, der);
    assertThatThrownBy(() -> validate(web, der))
        .isInstanceOf(CertPathValidatorException.class)
        .hasMessageContaining("revoked");
  }

  @Test
  void leavesSayWhereTheListIsOnlyWhenThatIsConfigured() throws Exception {
    Credentials plain = client(CART).firstCredentials().get(20, TimeUnit.SECONDS);
    assertThat(plain.certificate().leaf().getExtensionValue(DISTRIBUTION_POINTS)).isNull();
    server.close();
    policy =
        new IssuancePolicy(
            Duration.ofHours(1), Duration.ZERO, URI.create("http://crl.example:9991/crl"));
    server = startServer(0);

    Credentials web = client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);

    byte[] extension = web.certificate().leaf().getExtensionValue(DISTRIBUTION_POINTS);
    assertThat(new String(extension, StandardCharsets.US_ASCII))
        .contains("http://crl.example:9991/crl");
  }

  @Test
  void operatorsSeeWhatIsRevoked() throws Exception {
    client(WEB).firstCredentials().get(20, TimeUnit.SECONDS);
    long number = admin().revoke(identity(WEB).build()).getNumber();

    var parts = new ArrayList<io.signetmesh.v1.ListRevocationsResponse>();
    admin()
        .listRevocations(ListRevocationsRequest.getDefaultInstance())
        .forEachRemaining(parts::add);

    assertThat(parts).hasSize(1);
    assertThat(parts.getFirst().getNumber()).isEqualTo(number);
    assertThat(parts.getFirst().getRevocationsList()).hasSize(2);
    assertThat(parts.getFirst().getRevocations(0).getIdentity()).isEqualTo(WEB.dnsName());
    assertThat(parts.getFirst().getRevocations(0).getSerial()).isEmpty();
    assertThat(parts.getFirst().getRevocations(1).getSerial()).isNotEmpty();
    var crl = admin().getRevocationList(GetRevocationListRequest.getDefaultInstance());
    assertThat(crl.getNumber()).isEqualTo(number);
    assertThat(jdk(crl.getCrl().toByteArray()).getRevokedCertificates()).hasSize(1);
  }

  private void validate(Credentials credentials, byte[] crl) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    CertPath path = factory.generateCertPath(credentials.certificate().chain());
    PKIXParameters parameters =
        new PKIXParameters(
            Set.of(new TrustAnchor(server.bundles().get().anchors().getFirst(), null)));
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOptions(
        EnumSet.of(
            PKIXRevocationChecker.Option.ONLY_END_ENTITY,
            PKIXRevocationChecker.Option.PREFER_CRLS,
            PKIXRevocationChecker.Option.NO_FALLBACK));
    parameters.addCertPathChecker(checker);
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(List.of(jdk(crl)))));
    validator.validate(path, parameters);
  }

  private static X509CRL jdk(byte[] crl) throws Exception {
    return (X509CRL)
        CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(crl));
  }

  private Path pem(String name, List<X509Certificate> certificates) throws Exception {
    return Files.writeString(files.resolve(name), Certificates.toPem(certificates));
  }

  private void assertRefused(RevokeRequest.Builder request, Status.Code code, String why) {
    assertThatThrownBy(() -> admin().revoke(request.build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(code);
              assertThat(e).hasMessageContaining(why);
            });
  }

  private static boolean isTrusted(Credentials of, PeerTrust by) {
    try {
      ChainVerifier.of(by, Clock.systemUTC()).verify(of.certificate().chain(), Purpose.CLIENT);
      return true;
    } catch (ChainVerifier.RevokedException e) {
      return false;
    } catch (java.security.cert.CertificateException e) {
      throw new AssertionError(e);
    }
  }

  private static RevokeRequest.Builder identity(WorkloadIdentity identity) {
    return RevokeRequest.newBuilder().setIdentity(identity.dnsName()).setReason("keyCompromise");
  }

  private IdentityAdminGrpc.IdentityAdminBlockingStub admin() {
    ManagedChannel channel = ControlChannel.openLocal(IdentityServer.socket(state), loops);
    keep(channel::shutdownNow);
    return IdentityAdminGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private void certify(WorkloadIdentity identity) {
    PeerTrust trust = PeerTrust.of(anchors());
    ManagedChannel channel =
        ControlChannel.openAnonymousWith(
            address(), SERVER.dnsName(), () -> trust, Clock.systemUTC(), loops);
    keep(channel::shutdownNow);
    IdentityGrpc.newBlockingStub(channel)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .certify(
            CertifyRequest.newBuilder()
                .setIdentity(identity.dnsName())
                .setToken(
                    ByteString.copyFromUtf8(
                        tokens.issue(
                            identity.namespace(), identity.serviceAccount(), Duration.ofHours(1))))
                .setCertificateSigningRequest(
                    ByteString.copyFrom(
                        SigningRequest.create(identity.dnsName(), PrivateKeys.generate())))
                .build());
  }

  private IdentityServer startServer(int port) throws Exception {
    return keep(
        IdentityServer.start(
            new Config(
                state, SERVER, new InetSocketAddress("127.0.0.1", port), false, policy, source),
            tokens,
            loops,
            audit::add,
            Clock.systemUTC()));
  }

  private IdentityClient client(WorkloadIdentity identity) throws Exception {
    Path token = files.resolve(identity.serviceAccount() + ".token");
    tokens.issueTo(token, identity.namespace(), identity.serviceAccount(), Duration.ofMinutes(5));
    return keep(
        IdentityClient.start(
            IdentityClient.Config.of(
                identity.dnsName(), token, anchors(), address(), SERVER.dnsName()),
            loops,
            Clock.systemUTC()));
  }

  private TrustBundle anchors() {
    return server.bundles().get().withVersion(0);
  }

  private ControlChannel.Address address() {
    return new ControlChannel.Address("127.0.0.1", server.address().getPort());
  }

  private AdministrativeEvent next(String act) throws InterruptedException {
    while (true) {
      AuditEvent event = audit.poll(10, TimeUnit.SECONDS);
      assertThat(event).as(act).isNotNull();
      if (event instanceof AdministrativeEvent seen && seen.act().equals(act)) {
        return seen;
      }
    }
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private static String openssl(int code, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isEqualTo(code);
    return output;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(5);
    }
  }
}
