package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.pkitesting.X509Bundle;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.ReferenceCounted;
import io.signetmesh.identity.pki.MeshSslContexts.ClientCertificate;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MeshSslContextsIT {
  private static final String SERVER = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String CLIENT = "cart.shop.serviceaccount.identity.signet.cluster.local";
  private static final String TRANSPORT = "transport.l5d.io/v1";

  private final TestPki pki = TestPki.create("mesh");
  private final InstantSource clock = InstantSource.system();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final List<SslContext> contexts = new ArrayList<>();
  private final List<Channel> channels = new CopyOnWriteArrayList<>();
  private final BlockingQueue<Session> accepted = new LinkedBlockingQueue<>();

  /** What one side saw of a handshake. */
  private record Session(
      Optional<PeerIdentity> peer,
      @Nullable String group,
      @Nullable String alpn,
      String protocol,
      String suite,
      @Nullable Throwable failure,
      List<String> handlers) {}

  @AfterEach
  void releaseContexts() {
    channels.forEach(channel -> channel.close().syncUninterruptibly());
    // A handler that leaves its pipeline releases its engine, the engine its context.
    loops.submit(() -> {}).syncUninterruptibly();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    contexts.forEach(ReferenceCountUtil::release);
    assertThat(contexts).allMatch(context -> ((ReferenceCounted) context).refCnt() == 0);
  }

  @Test
  void bothSidesSeeEachOthersIdentityAndUseTheHybridGroup() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));

    Session client = connect(clientContext(pki, List.of()), server, SERVER);

    Session accept = takeAccepted();
    assertThat(client.failure()).isNull();
    assertThat(client.peer()).map(PeerIdentity::name).contains(SERVER);
    assertThat(accept.peer()).map(PeerIdentity::name).contains(CLIENT);
    assertThat(client.protocol()).isEqualTo("TLSv1.3");
    assertThat(client.group()).isEqualTo("X25519MLKEM768");
    assertThat(accept.group()).isEqualTo("X25519MLKEM768");
    assertThat(client.alpn()).isNull();
    assertThat(client.handlers()).doesNotContain("NegotiatedGroup");
    assertThat(accept.handlers()).doesNotContain("NegotiatedGroup");
  }

  @Test
  void serverNameNeedNotBeInTheCertificate() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.REQUIRED, List.of()));

    Session client = connect(clientContext(pki, List.of()), server, "another.example");

    assertThat(client.failure()).isNull();
    assertThat(client.peer()).map(peer -> peer.matches("another.example")).contains(false);
  }

  @Test
  void clientWithoutCertificateIsLetInWhenOptional() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));

    Session client = connect(anonymous(pki), server, SERVER);

    assertThat(client.failure()).isNull();
    assertThat(takeAccepted().peer()).isEmpty();
  }

  @Test
  void clientWithoutCertificateIsRefusedWhenRequired() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.REQUIRED, List.of()));

    connect(anonymous(pki), server, SERVER);

    assertThat(takeAccepted().failure()).isNotNull();
  }

  @Test
  void clientOfAForeignCaFailsTheHandshake() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));
    TestPki foreign = TestPki.create("mesh");
    Credentials stranger = new Credentials(foreign.certificate(CLIENT), pki.trust());

    connect(keep(MeshSslContexts.client(stranger, List.of(), clock)), server, SERVER);

    assertThat(takeAccepted().failure()).hasStackTraceContaining("is not signed by");
  }

  @Test
  void clientWithAnExpiredLeafFailsTheHandshake() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));
    Credentials expired =
        new Credentials(
            pki.certificate(CLIENT, b -> b.notAfter(TestPki.START.minusSeconds(60))), pki.trust());

    connect(keep(MeshSslContexts.client(expired, List.of(), clock)), server, SERVER);

    assertThat(takeAccepted().failure()).hasStackTraceContaining("was valid until");
  }

  @Test
  void serverOfAForeignCaFailsTheHandshake() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));
    TestPki foreign = TestPki.create("foreign");
    Credentials stranger = new Credentials(pki.certificate(CLIENT), foreign.trust());

    Session client =
        connect(keep(MeshSslContexts.client(stranger, List.of(), clock)), server, SERVER);

    assertThat(client.failure())
        .hasStackTraceContaining("does not lead to one of the 1 trust anchors");
  }

  /**
   * As during a rotation of anchors: the server's chain has a certificate for who knows the old.
   */
  @Test
  void handshakeWorksForThoseWhoKnowOneAnchorOrBoth() throws Exception {
    X509Bundle old = TestPki.selfSigned(TestPki.ca("CN=root", 1));
    X509Bundle next = TestPki.selfSigned(TestPki.ca("CN=root", 1));
    X509Bundle issuer = TestPki.issued(TestPki.ca("CN=issuer", 0), next);
    X509Bundle leaf = TestPki.issued(TestPki.leaf(SERVER), issuer);
    X509Bundle cross = TestPki.issued(TestPki.ca("CN=root", 1).keyPair(next.getKeyPair()), old);
    WorkloadCertificate certificate =
        new WorkloadCertificate(
            leaf.getKeyPair().getPrivate(),
            List.of(leaf.getCertificate(), issuer.getCertificate(), cross.getCertificate()));
    Channel server =
        listen(
            keep(
                MeshSslContexts.server(
                    new Credentials(certificate, pki.trust()),
                    ClientCertificate.OPTIONAL,
                    List.of(),
                    clock)));
    for (List<X509Bundle> known :
        List.of(List.of(old), List.of(next), List.of(old, next), List.of(next, old))) {
      TrustBundle trust =
          new TrustBundle(
              1, TestPki.TRUST_DOMAIN, known.stream().map(X509Bundle::getCertificate).toList());

      Session client =
          connect(
              keep(
                  MeshSslContexts.client(
                      new Credentials(pki.certificate(CLIENT), trust), List.of(), clock)),
              server,
              SERVER);

      assertThat(client.failure()).isNull();
      assertThat(client.peer()).map(PeerIdentity::name).contains(SERVER);
    }
    Credentials retired =
        new Credentials(
            pki.certificate(CLIENT),
            PeerTrust.of(pki.trust())
                .withRetiredAnchors(
                    Set.of(
                        Certificates.fingerprint(old.getCertificate()),
                        Certificates.fingerprint(next.getCertificate()))));
    assertThat(
            connect(keep(MeshSslContexts.client(retired, List.of(), clock)), server, SERVER)
                .failure())
        .hasStackTraceContaining("does not lead to one of the 1 trust anchors");
  }

  @Test
  void alpnIsSelectedOnlyWhenOffered() throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of(TRANSPORT)));

    assertThat(connect(clientContext(pki, List.of(TRANSPORT)), server, SERVER).alpn())
        .isEqualTo(TRANSPORT);
    assertThat(connect(clientContext(pki, List.of()), server, SERVER).alpn()).isNull();
    assertThat(connect(clientContext(pki, List.of("h2")), server, SERVER).alpn()).isNull();
  }

  @Test
  void newCredentialsServeNewConnections() throws Exception {
    Credentials[] current = {pki.credentials(SERVER)};
    try (LiveSslContext<Credentials> live =
        new LiveSslContext<>(
            () -> current[0],
            c -> MeshSslContexts.server(c, ClientCertificate.OPTIONAL, List.of(), clock))) {
      Channel server = listen(live);
      SslContext client = clientContext(pki, List.of());
      assertThat(connect(client, server, SERVER).peer()).map(PeerIdentity::name).contains(SERVER);

      current[0] = pki.credentials("renewed.example");

      assertThat(connect(client, server, SERVER).peer())
          .map(PeerIdentity::name)
          .contains("renewed.example");
    }
  }

  @Test
  void closedLiveContextMakesNoMoreHandlers() throws Exception {
    Credentials credentials = pki.credentials(SERVER);
    LiveSslContext<Credentials> live =
        new LiveSslContext<>(
            () -> credentials,
            c -> MeshSslContexts.server(c, ClientCertificate.OPTIONAL, List.of(), clock));
    live.refresh();
    live.close();

    assertThatThrownBy(live::refresh).hasMessageContaining("closed");
  }

  @Test
  void opensslClientGetsX25519AndNoSessionTicket(@TempDir Path directory) throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));

    String output = openssl(directory, server, "-groups", "X25519");

    assertThat(output).contains("Verify return code: 0 (ok)", "New, TLSv1.3", "TLS_AES_");
    assertThat(output).doesNotContain("New Session Ticket arrived");
    assertThat(takeAccepted().group()).isEqualTo("X25519");
  }

  @Test
  void groupIsKnownAfterAHelloRetryRequest(@TempDir Path directory) throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));

    // The client's first key share is for a group that the server does not take.
    openssl(directory, server, "-groups", "P-521:P-384");

    assertThat(takeAccepted().group()).isEqualTo("P-384");
  }

  @Test
  void tls12IsRefused(@TempDir Path directory) throws Exception {
    Channel server = listen(serverContext(ClientCertificate.OPTIONAL, List.of()));

    String output = openssl(directory, server, "-tls1_2");

    assertThat(output).contains("alert protocol version");
    assertThat(takeAccepted().failure()).isNotNull();
  }

  private String openssl(Path directory, Channel server, String... options) throws Exception {
    Path anchors = directory.resolve("anchors.pem");
    Files.writeString(anchors, Certificates.toPem(pki.trust().anchors()));
    int port = ((InetSocketAddress) server.localAddress()).getPort();
    List<String> command = new ArrayList<>();
    command.addAll(List.of("openssl", "s_client", "-connect", "127.0.0.1:" + port));
    command.addAll(List.of("-CAfile", anchors.toString(), "-servername", SERVER));
    command.addAll(List.of(options));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  private SslContext serverContext(ClientCertificate mode, List<String> alpn) throws Exception {
    return keep(MeshSslContexts.server(pki.credentials(SERVER), mode, alpn, clock));
  }

  private SslContext clientContext(TestPki of, List<String> alpn) throws Exception {
    return keep(MeshSslContexts.client(of.credentials(CLIENT), alpn, clock));
  }

  private SslContext anonymous(TestPki of) throws Exception {
    return keep(MeshSslContexts.anonymousClient(of.trust(), List.of(), clock));
  }

  private SslContext keep(SslContext context) {
    contexts.add(context);
    return context;
  }

  private Session takeAccepted() throws InterruptedException {
    Session session = accepted.poll(20, TimeUnit.SECONDS);
    assertThat(session).isNotNull();
    return java.util.Objects.requireNonNull(session);
  }

  private Channel listen(SslContext context) throws Exception {
    Credentials none = pki.credentials(SERVER);
    return listen(
        new LiveSslContext<>(
            () -> none,
            c -> {
              ReferenceCountUtil.retain(context);
              return context;
            }),
        context);
  }

  private Channel listen(LiveSslContext<Credentials> live) throws Exception {
    return listen(live, null);
  }

  private Channel listen(LiveSslContext<Credentials> live, @Nullable SslContext owned)
      throws Exception {
    return new ServerBootstrap()
        .group(loops)
        .channel(NioServerSocketChannel.class)
        .childHandler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) throws Exception {
                channels.add(channel);
                SslHandler tls =
                    owned == null
                        ? live.newHandler(channel.alloc())
                        : owned.newHandler(channel.alloc());
                channel.pipeline().addLast(NegotiatedGroup.onServer(), tls, new Greeter());
                tls.handshakeFuture()
                    .addListener(f -> accepted.add(session(channel, tls, f.cause())));
              }
            })
        .bind("127.0.0.1", 0)
        .sync()
        .channel();
  }

  private Session connect(SslContext context, Channel server, String serverName) throws Exception {
    int port = ((InetSocketAddress) server.localAddress()).getPort();
    SslHandler tls = context.newHandler(io.netty.buffer.ByteBufAllocator.DEFAULT, serverName, port);
    Channel channel =
        new Bootstrap()
            .group(loops)
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel c) {
                    c.pipeline().addLast(NegotiatedGroup.onClient(), tls, new Greeter());
                  }
                })
            .connect("127.0.0.1", port)
            .sync()
            .channel();
    tls.handshakeFuture().await(20, TimeUnit.SECONDS);
    Session[] session = new Session[1];
    channel
        .eventLoop()
        .submit(() -> session[0] = session(channel, tls, tls.handshakeFuture().cause()))
        .sync();
    channel.close().await(Duration.ofSeconds(5).toMillis());
    return session[0];
  }

  private static Session session(Channel channel, SslHandler tls, @Nullable Throwable failure) {
    return new Session(
        failure == null ? MeshSslContexts.peer(tls) : Optional.empty(),
        NegotiatedGroup.of(channel),
        tls.applicationProtocol(),
        tls.engine().getSession().getProtocol(),
        tls.engine().getSession().getCipherSuite(),
        failure,
        channel.pipeline().toMap().values().stream()
            .map(h -> h.getClass().getSimpleName())
            .toList());
  }

  /** Sends a byte after the handshake, so that tickets, were there any, would be seen before it. */
  private static final class Greeter extends SimpleChannelInboundHandler<Object> {
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (ctx.channel().parent() != null
          && event instanceof SslHandshakeCompletionEvent done
          && done.isSuccess()) {
        ctx.writeAndFlush(Unpooled.copiedBuffer("hello\n", StandardCharsets.US_ASCII));
      }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, Object message) {
      // Clients have nothing to say here.
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      assertThat(cause)
          .isInstanceOfAny(IOException.class, io.netty.handler.codec.DecoderException.class);
      ctx.close();
    }
  }
}
