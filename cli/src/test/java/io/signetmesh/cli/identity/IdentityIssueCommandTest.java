package io.signetmesh.cli.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.server.IdentityServer;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code signet identity issue}, against an identity server. */
final class IdentityIssueCommandTest {
  private static final String WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local";

  @TempDir private Path directory;
  private final ControlLoops loops = ControlLoops.start(1);
  private Path state;
  private Path certificate;
  private Path key;
  private IdentityServer server;

  @BeforeEach
  void start() throws Exception {
    state = directory.resolve("state");
    certificate = directory.resolve("web.pem");
    key = directory.resolve("web.key");
    Clock clock = Clock.systemUTC();
    server =
        IdentityServer.start(
            new IdentityServer.Config(
                state,
                new MeshNames("linkerd", "cluster.local").identityServer(),
                new InetSocketAddress("127.0.0.1", 0),
                false,
                IssuancePolicy.DEFAULT,
                null),
            WorkloadTokens.open(state, "linkerd", "cluster.local", clock),
            loops,
            event -> {},
            clock);
  }

  @AfterEach
  void stop() {
    server.close();
    loops.close();
  }

  @Test
  void certificateAndKeyAreWrittenAndVerify() throws Exception {
    CommandRun run = issue(WEB).ended(ExitCode.OK);

    assertThat(run.out()).contains("DNS " + WEB);
    List<X509Certificate> chain = Certificates.readPem(certificate);
    assertThat(PrivateKeys.matches(PrivateKeys.read(key), chain.getFirst().getPublicKey()))
        .isTrue();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
        .isEqualTo("rw-------");
    Path anchors =
        Files.writeString(
            directory.resolve("anchors.pem"), Certificates.toPem(server.bundles().get().anchors()));
    CommandRun.of(
            "identity",
            "verify",
            certificate.toString(),
            "--trust-anchors",
            anchors.toString(),
            "--identity",
            WEB)
        .ended(ExitCode.OK);
  }

  /** Whoever has it goes on to use it: a rotation must wait for that. */
  @Test
  void theIdentityServerIsNotToldThatNobodyUsesTheCertificate() throws Exception {
    issue(WEB).ended(ExitCode.OK);

    String serial = Certificates.serial(Certificates.readPem(certificate).getFirst());
    assertThat(Files.readString(state.resolve("issued.log"))).contains(serial);
    assertThat(Files.readString(state.resolve("leaf-reports.log"))).doesNotContain(serial);
  }

  @Test
  void nameThatIsNoIdentityIsRefusedAndNothingIsWritten() {
    assertThat(issue("web").ended(ExitCode.USAGE).err())
        .contains("identity \"web\": expected <service account>.<namespace>.serviceaccount");
    assertThat(key).doesNotExist();
    assertThat(certificate).doesNotExist();
  }

  private CommandRun issue(String identity) {
    return CommandRun.of(
        "identity",
        "issue",
        "--identity",
        identity,
        "--state",
        state.toString(),
        "--identity-addr",
        "127.0.0.1:" + server.address().getPort(),
        "--certificate",
        certificate.toString(),
        "--key",
        key.toString());
  }
}
