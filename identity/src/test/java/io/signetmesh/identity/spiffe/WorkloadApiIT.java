package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.LocalPeer;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.spiffe.workload.JWTBundlesRequest;
import io.signetmesh.spiffe.workload.JWTSVID;
import io.signetmesh.spiffe.workload.JWTSVIDRequest;
import io.signetmesh.spiffe.workload.SpiffeWorkloadAPIGrpc;
import io.signetmesh.spiffe.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import io.signetmesh.spiffe.workload.ValidateJWTSVIDRequest;
import io.signetmesh.spiffe.workload.ValidateJWTSVIDResponse;
import io.signetmesh.spiffe.workload.X509BundlesRequest;
import io.signetmesh.spiffe.workload.X509SVID;
import io.signetmesh.spiffe.workload.X509SVIDRequest;
import io.signetmesh.spiffe.workload.X509SVIDResponse;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.RevokeRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An agent with a real identity server, and processes that ask it. */
@Timeout(90)
class WorkloadApiIT {
  private static final WorkloadIdentity SERVER =
      new WorkloadIdentity("signet-identity", "signet", "signet", "cluster.local");
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");
  private static final WorkloadIdentity CART =
      new WorkloadIdentity("cart", "shop", "signet", "cluster.local");
  private static final String DOMAIN = "spiffe://cluster.local";

  @TempDir Path state;
  @TempDir Path files;
  @TempDir Path run;

  private final InstantSource clock = InstantSource.system();
  private final ConcurrentLinkedQueue<AuditEvent> audit = new ConcurrentLinkedQueue<>();
  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private WorkloadTokens tokens;
  private IdentityServer server;
  private AgentIdentities identities;
  private Path socket;

  @BeforeEach
  void start() throws Exception {
    tokens = WorkloadTokens.open(state, "signet", "cluster.local", clock);
    server =
        keep(
            IdentityServer.start(
                new IdentityServer.Config(
                    state,
                    SERVER,
                    new InetSocketAddress("127.0.0.1", 0),
                    false,
                    new IssuancePolicy(Duration.ofSeconds(6), Duration.ofSeconds(2)),
                    null),
                tokens,
                loops,
                audit::add,
                clock));
    TrustBundle anchors = server.bundles().get().withVersion(0);
    identities =
        keep(
            new AgentIdentities(
                entry ->
                    IdentityClient.start(
                        IdentityClient.Config.of(
                            entry.identity().dnsName(),
                            entry.tokenFile(),
                            anchors,
                            new ControlChannel.Address("127.0.0.1", server.address().getPort()),
                            SERVER.dnsName()),
                        loops,
                        clock)));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(files, PosixFilePermissions.fromString("rwxr-xr-x"));
    socket = run.resolve("agent.sock");
    keep(WorkloadApi.start(socket, identities, loops, audit::add, ServerMeters.none(), clock));
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void aProcessGetsItsSvidsAndANewMessageOnEachRenewal() throws Exception {
    identities.replace(List.of(entry(WEB, "internal", uid()), entry(CART, "", uid(), path())));
    Iterator<X509SVIDResponse> stream = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());

    X509SVIDResponse first = stream.next();
    while (first.getSvidsCount() < 2) {
      first = stream.next();
    }
    X509SVID svid = first.getSvids(0);
    assertThat(svid.getSpiffeId()).isEqualTo(WEB.spiffeId());
    assertThat(svid.getHint()).isEqualTo("internal");
    assertThat(first.getSvids(1).getSpiffeId()).isEqualTo(CART.spiffeId());
    List<X509Certificate> chain = certificates(svid.getX509Svid());
    assertThat(chain.getFirst().getSubjectAlternativeNames().toString()).contains(WEB.spiffeId());
    assertThat(
            PrivateKeys.matches(
                PrivateKeys.parsePkcs8("key", svid.getX509SvidKey().toByteArray()),
                chain.getFirst().getPublicKey()))
        .isTrue();
    assertThat(certificates(svid.getBundle())).isEqualTo(server.bundles().get().anchors());

    X509SVIDResponse next = stream.next();
    while (next.getSvids(0).getX509Svid().equals(svid.getX509Svid())) {
      next = stream.next();
    }
    assertThat(next.getSvids(0).getX509SvidKey()).isNotEqualTo(svid.getX509SvidKey());
  }

  @Test
  void opensslVerifiesTheChainThatWasFetched() throws Exception {
    identities.replace(List.of(entry(WEB, "", uid())));
    X509SVID svid = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next().getSvids(0);
    List<X509Certificate> chain = certificates(svid.getX509Svid());

    assertThat(
            output(
                "openssl",
                "verify",
                "-purpose",
                "sslclient",
                "-x509_strict",
                "-CAfile",
                pem("anchors.pem", certificates(svid.getBundle())),
                "-untrusted",
                pem("chain.pem", chain.subList(1, chain.size())),
                pem("leaf.pem", chain.subList(0, 1))))
        .contains("leaf.pem: OK");
  }

  @Test
  void bundlesFollowTheControlPlane() throws Exception {
    identities.replace(List.of(entry(WEB, "", uid())));
    var x509 = stub().fetchX509Bundles(X509BundlesRequest.getDefaultInstance());
    var jwt = stub().fetchJWTBundles(JWTBundlesRequest.getDefaultInstance());
    assertThat(x509.next().getBundlesMap()).containsOnlyKeys(DOMAIN);
    ByteString keys = jwt.next().getBundlesOrThrow(DOMAIN);
    while (!keys.toStringUtf8()
        .contains(server.bundles().get().jwtAuthorities().getFirst().keyId())) {
      keys = jwt.next().getBundlesOrThrow(DOMAIN);
    }
    assertThat(keys.toStringUtf8()).startsWith("{\"keys\":[{").doesNotContain("\"d\":");

    List<X509Certificate> both = new ArrayList<>(server.bundles().get().anchors());
    both.add(TestPki.create("next").anchor().getCertificate());
    server.bundles().setBundle(both);

    while (!certificates(x509.next().getBundlesOrThrow(DOMAIN)).equals(both)) {
      // The bundle of before.
    }
  }

  @Test
  void aJwtSvidIsFetchedAndValidated() throws Exception {
    identities.replace(List.of(entry(WEB, "internal", uid()), entry(CART, "", uid())));
    stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next();
    await(() -> identities.certified() == 2);

    JWTSVIDRequest request = JWTSVIDRequest.newBuilder().addAudience("payments").build();
    List<JWTSVID> all = stub().fetchJWTSVID(request).getSvidsList();
    assertThat(all)
        .extracting(JWTSVID::getSpiffeId)
        .containsExactly(WEB.spiffeId(), CART.spiffeId());
    assertThat(all.getFirst().getHint()).isEqualTo("internal");
    List<JWTSVID> one =
        stub()
            .fetchJWTSVID(request.toBuilder().setSpiffeId(CART.spiffeId()).build())
            .getSvidsList();
    assertThat(one).extracting(JWTSVID::getSpiffeId).containsExactly(CART.spiffeId());

    ValidateJWTSVIDResponse validated = null;
    while (validated == null) {
      try {
        validated = stub().validateJWTSVID(validate("payments", all.getFirst().getSvid()));
      } catch (StatusRuntimeException e) {
        // The bundle with the key is on its way.
        assertThat(e.getStatus().getDescription()).contains("which is none of");
        Thread.onSpinWait();
      }
    }
    assertThat(validated.getSpiffeId()).isEqualTo(WEB.spiffeId());
    assertThat(validated.getClaims().getFieldsOrThrow("sub").getStringValue())
        .isEqualTo(WEB.spiffeId());
    assertThat(validated.getClaims().getFieldsOrThrow("exp").getNumberValue())
        .isGreaterThan(clock.millis() / 1000.0);

    assertStatus(
        Status.Code.INVALID_ARGUMENT,
        () -> stub().validateJWTSVID(validate("others", all.getFirst().getSvid())));
    assertStatus(
        Status.Code.INVALID_ARGUMENT,
        () -> stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance()));
    assertStatus(
        Status.Code.PERMISSION_DENIED,
        () -> stub().fetchJWTSVID(request.toBuilder().setSpiffeId(DOMAIN + "/ns/a/sa/b").build()));
  }

  @Test
  void anEarlierJwtSvidOfARevokedIdentityIsNeitherValidNorGivenOut() throws Exception {
    identities.replace(List.of(entry(WEB, "", uid()), entry(CART, "", uid())));
    stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next();
    await(() -> identities.certified() == 2);
    JWTSVIDRequest request =
        JWTSVIDRequest.newBuilder().addAudience("payments").setSpiffeId(WEB.spiffeId()).build();
    String token = stub().fetchJWTSVID(request).getSvids(0).getSvid();
    await(() -> refusal(token).isEmpty());

    revoke(WEB);

    await(() -> refusal(token).contains("is revoked"));
    assertStatus(Status.Code.PERMISSION_DENIED, () -> stub().fetchJWTSVID(request));
  }

  private void revoke(WorkloadIdentity identity) {
    ManagedChannel admin = ControlChannel.openLocal(IdentityServer.socket(state), loops);
    open.add(admin::shutdownNow);
    IdentityAdminGrpc.newBlockingStub(admin)
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .revoke(
            RevokeRequest.newBuilder()
                .setIdentity(identity.dnsName())
                .setReason("keyCompromise")
                .build());
  }

  /** Also when the client that heard of lists before is that of the revoked identity. */
  @Test
  void theRevocationListIsStreamedWhenItChanges() throws Exception {
    identities.replace(List.of(entry(CART, "", uid()), entry(WEB, "", uid())));
    var svids = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    var bundles = stub().fetchX509Bundles(X509BundlesRequest.getDefaultInstance());
    X509SVIDResponse before = svids.next();
    while (before.getSvidsCount() < 2 || before.getCrlCount() == 0) {
      before = svids.next();
    }
    X509Certificate cart = certificates(before.getSvids(0).getX509Svid()).getFirst();
    X509Certificate issuer = certificates(before.getSvids(1).getX509Svid()).get(1);
    assertThat(crl(before.getCrlList(), issuer).isRevoked(cart)).isFalse();

    revoke(CART);

    X509CRL after = crl(before.getCrlList(), issuer);
    while (after.getRevokedCertificates() == null) {
      after = crl(svids.next().getCrlList(), issuer);
    }
    assertThat(serials(after)).contains(cart.getSerialNumber());
    X509CRL ofBundles = crl(before.getCrlList(), issuer);
    while (ofBundles.getRevokedCertificates() == null) {
      var next = bundles.next();
      ofBundles = next.getCrlCount() == 0 ? ofBundles : crl(next.getCrlList(), issuer);
    }
    assertThat(serials(ofBundles)).contains(cart.getSerialNumber());
  }

  private static List<BigInteger> serials(X509CRL crl) {
    return crl.getRevokedCertificates().stream().map(X509CRLEntry::getSerialNumber).toList();
  }

  /** The one list, which the issuer has signed. */
  private static X509CRL crl(List<ByteString> lists, X509Certificate issuer) throws Exception {
    assertThat(lists).hasSize(1);
    X509CRL crl =
        (X509CRL) CertificateFactory.getInstance("X.509").generateCRL(lists.getFirst().newInput());
    crl.verify(issuer.getPublicKey());
    return crl;
  }

  /** Why a token is not valid; empty when it is. */
  private String refusal(String token) {
    try {
      stub().validateJWTSVID(validate("payments", token));
      return "";
    } catch (StatusRuntimeException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void aRequestWithoutTheSecurityHeaderIsRefused() {
    identities.replace(List.of(entry(WEB, "", uid())));
    var bare =
        SpiffeWorkloadAPIGrpc.newBlockingStub(channel()).withDeadlineAfter(20, TimeUnit.SECONDS);

    assertStatus(
        Status.Code.INVALID_ARGUMENT,
        () -> bare.fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next());
    assertStatus(
        Status.Code.INVALID_ARGUMENT,
        () -> bare.fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("a").build()));
  }

  @Test
  void aProcessWithoutIdentityIsRefusedAndOnRecord() {
    identities.replace(
        List.of(entry(WEB, "", "unix:uid:4242"), entry(CART, "", uid(), "unix:path:/bin/other")));

    assertStatus(
        Status.Code.PERMISSION_DENIED,
        () -> stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next());
    assertStatus(
        Status.Code.PERMISSION_DENIED,
        () -> stub().fetchX509Bundles(X509BundlesRequest.getDefaultInstance()).next());
    assertStatus(
        Status.Code.PERMISSION_DENIED,
        () -> stub().fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("a").build()));
    assertStatus(
        Status.Code.PERMISSION_DENIED, () -> stub().validateJWTSVID(validate("a", "b.c.d")));
    assertThat(audit)
        .anyMatch(
            event ->
                event instanceof AdministrativeEvent act
                    && act.act().equals("workload-refused")
                    && Long.toString(ProcessHandle.current().pid())
                        .equals(act.attributes().get("pid")));
  }

  @Test
  void anEntryThatIsTakenAwayEndsTheStream() {
    identities.replace(List.of(entry(WEB, "", uid())));
    Iterator<X509SVIDResponse> stream = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    stream.next();

    identities.replace(List.of(entry(WEB, "", "unix:uid:4242")));

    assertStatus(
        Status.Code.PERMISSION_DENIED,
        () -> {
          while (stream.hasNext()) {
            stream.next();
          }
        });
  }

  @Test
  void aProcessOfAnotherUserIsRefused() throws Exception {
    assumeTrue(LocalPeer.ownUser() == 0, "only root runs processes of other users");
    identities.replace(List.of(entry(WEB, "", uid())));
    String java = java(Path.of(System.getProperty("java.home")));

    assertThat(call(java)).isEqualTo("message");
    assertThat(call("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", java))
        .isEqualTo("grpc-status 7");
  }

  @Test
  void aProcessWithAnotherExecutableIsRefusedAlthoughItHasTheSameContent() throws Exception {
    Path other = copyOfJava("other");
    identities.replace(List.of(entry(WEB, "", uid(), path())));

    assertThat(call(java(Path.of(System.getProperty("java.home"))))).isEqualTo("message");
    assertThat(call(java(other))).isEqualTo("grpc-status 7");

    identities.replace(List.of(entry(WEB, "", uid(), "unix:sha256:" + sha256(executable()))));
    assertThat(call(java(other))).isEqualTo("message");
  }

  @Test
  void aNameThatIsMountedOverInAnotherNamespaceIsNoPath() throws Exception {
    assumeTrue(LocalPeer.ownUser() == 0, "only root may mount");
    Path legitimate = copyOfJava("legitimate");
    Path other = copyOfJava("other");
    identities.replace(List.of(entry(WEB, "", uid(), "unix:path:" + java(legitimate))));

    assertThat(call(java(legitimate))).isEqualTo("message");
    String mount = "mount --bind " + java(other) + " " + java(legitimate) + " && exec \"$@\"";
    assertThat(call("unshare", "--mount", "sh", "-c", mount, "sh", java(legitimate)))
        .isEqualTo("grpc-status 7");
  }

  @Test
  void theSocketIsForEveryoneAndASecondAgentDoesNotTakeIt() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rwxrwxrwx");
    assertThatThrownBy(
            () ->
                WorkloadApi.start(
                    socket, identities, loops, audit::add, ServerMeters.none(), clock))
        .isInstanceOf(BindException.class);
  }

  private WorkloadEntry entry(WorkloadIdentity identity, String hint, String... selectors) {
    Path token = files.resolve(identity.serviceAccount() + ".token");
    try {
      tokens.issueTo(token, identity.namespace(), identity.serviceAccount(), Duration.ofHours(1));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return new WorkloadEntry(
        identity, token, Arrays.stream(selectors).map(Selector::parse).toList(), hint);
  }

  private static String uid() {
    try {
      return "unix:uid:" + LocalPeer.ownUser();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String path() {
    return "unix:path:" + executable();
  }

  private static Path executable() {
    try {
      return Path.of("/proc/self/exe").toRealPath();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String java(Path home) {
    return home.resolve("bin/java").toString();
  }

  /** A JDK whose launcher is a file of its own. */
  private Path copyOfJava(String name) throws IOException {
    Path home = files.resolve(name);
    Files.createDirectories(home.resolve("bin"));
    Files.copy(executable(), home.resolve("bin/java"), StandardCopyOption.COPY_ATTRIBUTES);
    for (String part : List.of("lib", "conf")) {
      Files.createSymbolicLink(
          home.resolve(part), Path.of(System.getProperty("java.home")).resolve(part));
    }
    return home;
  }

  private static String sha256(Path file) throws Exception {
    return output("sha256sum", file.toString()).substring(0, 64);
  }

  /** What a process that is started like this gets from the agent. */
  private String call(String... command) throws Exception {
    Path classes = files.resolve("classes");
    String name = RawWorkloadCall.class.getName().replace('.', '/') + ".class";
    Path target = classes.resolve(name);
    if (!Files.exists(target)) {
      Files.createDirectories(target.getParent());
      try (var in = RawWorkloadCall.class.getClassLoader().getResourceAsStream(name)) {
        Files.copy(in, target);
      }
    }
    List<String> line = new ArrayList<>(List.of(command));
    line.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-cp",
            classes.toString(),
            RawWorkloadCall.class.getName(),
            socket.toString()));
    return output(line.toArray(String[]::new)).strip();
  }

  private static String output(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  private String pem(String name, List<X509Certificate> certificates) throws IOException {
    return Files.writeString(files.resolve(name), Certificates.toPem(certificates)).toString();
  }

  @SuppressWarnings("unchecked")
  private static List<X509Certificate> certificates(ByteString der) throws Exception {
    return List.copyOf(
        (List<X509Certificate>)
            (List<?>)
                List.copyOf(
                    CertificateFactory.getInstance("X.509")
                        .generateCertificates(new ByteArrayInputStream(der.toByteArray()))));
  }

  private static ValidateJWTSVIDRequest validate(String audience, String token) {
    return ValidateJWTSVIDRequest.newBuilder().setAudience(audience).setSvid(token).build();
  }

  private SpiffeWorkloadAPIBlockingStub stub() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel())
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
        .withDeadlineAfter(40, TimeUnit.SECONDS);
  }

  private ManagedChannel channel() {
    ManagedChannel channel = ControlChannel.openLocal(socket, loops);
    open.add(channel::shutdownNow);
    return channel;
  }

  private static void assertStatus(Status.Code code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).as(e.getMessage()).isEqualTo(code));
  }

  private static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(end);
      LockSupport.parkNanos(10_000_000);
    }
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }
}
