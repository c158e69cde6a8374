package io.signetmesh.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.e2e.harness.Leaf;
import io.signetmesh.e2e.harness.Mesh;
import io.signetmesh.e2e.harness.MeshWorkload;
import io.signetmesh.e2e.harness.Tool;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.NegotiatedGroup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a TLS client that is no proxy meets at the inbound listener of a proxy. Port 18080 is for
 * identity {@code frontend} only, port 18081 for everybody on this host.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class InboundTlsIT {
  private static final int IDENTIFIED = 18_080;
  private static final int OPEN = 18_081;
  private static final int DIRECT = 4143;
  private static final String REQUEST =
      "GET /hello HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";

  private Mesh mesh;
  private MeshWorkload web;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    mesh = Mesh.create(directory);
    web =
        mesh.workload("web")
            .port("http", 8080)
            .port("open", 8081)
            .redirect(IDENTIFIED, 8080)
            .redirect(OPEN, 8081);
    mesh.server("web", web, "http", "HTTP/1");
    mesh.allowIdentities("web", "web", "frontend");
    mesh.server("open", web, "open", "HTTP/1");
    mesh.allowNetworks("open", "open", "127.0.0.0/8");
    mesh.start();
    mesh.application(web, DemoServices.Kind.HTTP, 8080);
    mesh.application(web, DemoServices.Kind.HTTP, 8081);
  }

  @AfterAll
  void stop() throws Exception {
    mesh.close();
  }

  @Test
  void handshakeIsTls13WithTheWorkloadsLeafUnderTheMeshsAnchor() throws Exception {
    Leaf frontend = mesh.leaf("frontend");

    String output = openssl(IDENTIFIED, frontend, REQUEST, List.of("-showcerts")).output();

    assertThat(output).contains("New, TLSv1.3, Cipher is TLS_", "Verify return code: 0 (ok)");
    assertThat(output).doesNotContain("New Session Ticket arrived");
    List<X509Certificate> chain = certificates(output);
    assertThat(chain).hasSize(2);
    assertThat(
            ChainVerifier.of(mesh.trust(), InstantSource.system())
                .verify(chain, Purpose.SERVER)
                .names())
        .containsExactly(mesh.identity(web).dnsName(), mesh.identity(web).spiffeId());
    assertThat(output).contains("HTTP/1.1 200 OK");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-tls1_2", "-tls1_1", "-tls1"})
  void olderVersionsAreRefused(String version) throws Exception {
    String output =
        openssl(
                IDENTIFIED,
                mesh.leaf("frontend"),
                REQUEST,
                List.of(version, "-cipher", "DEFAULT@SECLEVEL=0"))
            .output();

    assertThat(output).contains("alert protocol version").doesNotContain("HTTP/1.1");
  }

  @Test
  void identityAndParametersOfTheSessionAreOnRecord() throws Exception {
    JournalTail journal = mesh.journal(web);

    String output =
        openssl(IDENTIFIED, mesh.leaf("frontend"), REQUEST, List.of("-groups", "X25519")).output();

    assertThat(output).contains("HTTP/1.1 200 OK", "web: GET /hello for " + name("frontend"));
    DecisionRecord decision = await(journal, record -> "/hello".equals(record.path()));
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.clientIdentity()).isEqualTo(name("frontend"));
    assertThat(decision.tlsVersion()).isEqualTo("TLSv1.3");
    assertThat(decision.tlsGroup()).isEqualTo("X25519");
  }

  @Test
  void clientThatOffersThePostQuantumGroupGetsIt() throws Exception {
    JournalTail journal = mesh.journal(web);
    Leaf frontend = mesh.leaf("frontend");
    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    SslContext context =
        MeshSslContexts.client(
            new Credentials(frontend.certificate(), mesh.trust()),
            List.of(),
            InstantSource.system());
    try {
      BoringSsl client = BoringSsl.connect(loops, context, web, name("web"));

      assertThat(client.group()).isEqualTo("X25519MLKEM768");
      assertThat(client.answer()).contains("HTTP/1.1 200 OK", name("frontend"));
      assertThat(await(journal, record -> "/hello".equals(record.path())).tlsGroup())
          .isEqualTo("X25519MLKEM768");
    } finally {
      ReferenceCountUtil.release(context);
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).await(5, TimeUnit.SECONDS);
    }
  }

  @Test
  void otherIdentityOfTheMeshIsKnownAndDenied() throws Exception {
    JournalTail journal = mesh.journal(web);

    String output = openssl(IDENTIFIED, mesh.leaf("intruder")).output();

    assertThat(output).contains("HTTP/1.1 403 Forbidden").doesNotContain("web: GET");
    DecisionRecord decision =
        await(journal, record -> name("intruder").equals(record.clientIdentity()));
    assertThat(decision.allowed()).isFalse();
    assertThat(decision.authorization()).contains("web");
    assertThat(decision.failedAttribute()).isNotNull();
  }

  @Test
  void leafOfAForeignCaIsRefusedInTheHandshake() throws Exception {
    assertRefusedInHandshake(mesh.foreignLeaf("frontend"), "alert unknown ca");
  }

  @Test
  void expiredLeafIsRefusedInTheHandshake() throws Exception {
    assertRefusedInHandshake(mesh.expiredLeaf("frontend"), "alert certificate expired");
  }

  private void assertRefusedInHandshake(Leaf leaf, String alert) throws Exception {
    for (int port : new int[] {IDENTIFIED, OPEN}) {
      JournalTail journal = mesh.journal(web);

      String output = openssl(port, leaf).output();

      assertThat(output).contains(alert).doesNotContain("HTTP/1.1");
      DecisionRecord decision = await(journal, record -> true);
      assertThat(decision.allowed()).isFalse();
      assertThat(decision.reason()).isEqualTo("tls-handshake-failed");
      assertThat(decision.clientIdentity()).isNull();
    }
  }

  @Test
  void clientWithoutCertificateHasNoIdentityWhateverItSaysOfItself() throws Exception {
    JournalTail journal = mesh.journal(web);
    String boast =
        "GET /boast HTTP/1.1\r\nHost: web\r\nl5d-client-id: "
            + name("frontend")
            + "\r\nL5D-Client-Id: "
            + name("frontend")
            + "\r\nConnection: close\r\n\r\n";

    String denied = openssl(IDENTIFIED, null, boast).output();
    assertThat(denied).contains("HTTP/1.1 403 Forbidden");
    DecisionRecord decision = await(journal, record -> "/boast".equals(record.path()));
    assertThat(decision.clientIdentity()).isNull();
    assertThat(decision.tlsVersion()).isEqualTo("TLSv1.3");

    String allowed = openssl(OPEN, null, boast).output();
    assertThat(allowed)
        .contains("HTTP/1.1 200 OK", "web: GET /boast for a client without identity");
  }

  @Test
  void whatIsNotHttpDoesNotReachAnHttpApplication() throws Exception {
    Leaf frontend = mesh.leaf("frontend");
    String hidden =
        "\tGET /hidden HTTP/1.1\r\nHost: web\r\nl5d-client-id: "
            + name("admin")
            + "\r\nConnection: close\r\n\r\n";

    String output = openssl(IDENTIFIED, frontend, hidden).output();

    assertThat(output).contains("HTTP/1.1 400 Bad Request").doesNotContain("web: GET");
  }

  @Test
  void plaintextHasNoIdentity() throws Exception {
    String url = "http://" + web.address().getHostAddress() + ":";

    assertThat(Tool.run("curl", "-s", "-i", url + IDENTIFIED + "/plain").output())
        .contains("HTTP/1.1 403 Forbidden");
    assertThat(
            Tool.run(
                    "curl",
                    "-s",
                    "-i",
                    "-H",
                    "l5d-client-id: " + name("frontend"),
                    url + OPEN + "/plain")
                .output())
        .contains("HTTP/1.1 200 OK", "for a client without identity");
  }

  @Test
  void directConnectionsNeedAnIdentityAndTheTransportHeader() throws Exception {
    JournalTail journal = mesh.journal(web);

    assertThat(openssl(DIRECT, null).output()).doesNotContain("HTTP/1.1");
    assertThat(await(journal, record -> !record.allowed()).reason()).isEqualTo("identity-required");

    assertThat(openssl(DIRECT, mesh.leaf("frontend")).output()).doesNotContain("HTTP/1.1");
    assertThat(await(journal, record -> !record.allowed()).reason()).isEqualTo("protocol-error");

    assertThat(
            Tool.run(
                    "curl",
                    "-s",
                    "-i",
                    "http://" + web.address().getHostAddress() + ":" + DIRECT + "/")
                .output())
        .doesNotContain("HTTP/1.1");
    assertThat(await(journal, record -> !record.allowed()).reason()).isEqualTo("tls-required");
  }

  // ---- clients

  private Tool.Result openssl(int port, @Nullable Leaf leaf) throws Exception {
    return openssl(port, leaf, REQUEST, List.of());
  }

  private Tool.Result openssl(int port, @Nullable Leaf leaf, String request) throws Exception {
    return openssl(port, leaf, request, List.of());
  }

  /** Debian's client; it does not know the post-quantum groups yet. */
  private Tool.Result openssl(int port, @Nullable Leaf leaf, String request, List<String> options)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            "openssl",
            "s_client",
            "-connect",
            web.address().getHostAddress() + ":" + port,
            "-servername",
            name("web"),
            "-CAfile",
            mesh.leaf("probe").anchor().toString(),
            "-verify_return_error",
            "-ign_eof"));
    if (leaf != null) {
      command.addAll(
          List.of(
              "-cert",
              leaf.leaf().toString(),
              "-cert_chain",
              leaf.chain().toString(),
              "-key",
              leaf.key().toString()));
    }
    command.addAll(options);
    return Tool.run(request, command);
  }

  /** BoringSSL as a client, which offers X25519MLKEM768 first. */
  private record BoringSsl(String group, String answer) {
    static BoringSsl connect(
        EventLoopGroup loops, SslContext context, MeshWorkload server, String serverName)
        throws Exception {
      CompletableFuture<String> answer = new CompletableFuture<>();
      StringBuilder received = new StringBuilder();
      Channel channel =
          new Bootstrap()
              .group(loops)
              .channel(NioSocketChannel.class)
              .handler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel opened) {
                      opened
                          .pipeline()
                          .addLast(
                              NegotiatedGroup.onClient(),
                              context.newHandler(opened.alloc(), serverName, IDENTIFIED),
                              new SimpleChannelInboundHandler<ByteBuf>() {
                                @Override
                                protected void channelRead0(
                                    ChannelHandlerContext ctx, ByteBuf bytes) {
                                  received.append(bytes.toString(StandardCharsets.ISO_8859_1));
                                }

                                @Override
                                public void channelInactive(ChannelHandlerContext ctx) {
                                  answer.complete(received.toString());
                                }

                                @Override
                                public void exceptionCaught(
                                    ChannelHandlerContext ctx, Throwable cause) {
                                  answer.completeExceptionally(cause);
                                }
                              });
                    }
                  })
              .connect(server.at(IDENTIFIED))
              .sync()
              .channel();
      SslHandler tls = channel.pipeline().get(SslHandler.class);
      tls.handshakeFuture().sync();
      String group = String.valueOf(NegotiatedGroup.of(channel));
      channel.writeAndFlush(Unpooled.copiedBuffer(REQUEST, StandardCharsets.US_ASCII)).sync();
      return new BoringSsl(group, answer.get(20, TimeUnit.SECONDS));
    }
  }

  private String name(String serviceAccount) {
    return mesh.identity(serviceAccount).dnsName();
  }

  private static DecisionRecord await(JournalTail journal, Predicate<DecisionRecord> wanted)
      throws Exception {
    return journal.await(wanted, Duration.ofSeconds(10)).orElseThrow();
  }

  /** The certificates that {@code -showcerts} prints between other lines. */
  private static List<X509Certificate> certificates(String output) throws Exception {
    StringBuilder pem = new StringBuilder();
    boolean inside = false;
    for (String line : output.lines().toList()) {
      inside |= line.startsWith("-----BEGIN CERTIFICATE");
      if (inside) {
        pem.append(line).append('\n');
      }
      inside &= !line.startsWith("-----END CERTIFICATE");
    }
    List<X509Certificate> found = Certificates.parsePem("openssl", pem.toString());
    // The server's certificate is printed once more at the end.
    return found.subList(0, Math.min(2, found.size()));
  }
}
