package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
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
import io.netty.util.ReferenceCountUtil;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.InMemorySource;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.policy.effective.PolicyConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients that ask for much policy and read none of it. */
@Timeout(90)
final class StalledReadersIT {
  private static final String SERVER_NAME =
      "policy.signet.serviceaccount.identity.signet.cluster.local";
  private static final int STREAMS = 300;
  private static final int POLICY_BYTES = 500_000;

  /** What one client may have on its way, and what its open calls take, at any size of heap. */
  private static final long MOST_BYTES = (8L << 20) + 2 * STREAMS * 4_096L + 2 * POLICY_BYTES;

  @TempDir private Path state;
  private final ControlLoops loops = ControlLoops.start(1);
  private final EventLoopGroup clients =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private TestMesh mesh;
  private InMemorySource source;
  private PolicyServer server;

  @BeforeEach
  void start() throws Exception {
    mesh = new TestMesh(state);
    String[] names =
        IntStream.range(0, POLICY_BYTES / 100)
            .mapToObj(
                i ->
                    "%s%05d.shop.serviceaccount.identity.signet.cluster.local"
                        .formatted("n".repeat(46), i))
            .toArray(String[]::new);
    source =
        new InMemorySource(
            List.of(
                ClusterObjects.pod("web"),
                ClusterObjects.pod("ledger"),
                ClusterObjects.server("web", "web", 8080),
                ClusterObjects.server("ledger", "ledger", 8080),
                ClusterObjects.identities("many", names),
                ClusterObjects.allow("web-many", "web", ClusterObjects.meshTls("many")),
                ClusterObjects.allow("ledger-many", "ledger", ClusterObjects.meshTls("many"))));
    Credentials own = mesh.credentials("policy", "signet");
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.MutualTls(() -> own, InstantSource.system(), Set.of()),
                PolicyConfig.defaults(TestMesh.CONTROL_PLANE, TestMesh.TRUST_DOMAIN)),
            source,
            List.of(),
            loops,
            AuditLog.none(),
            InstantSource.system());
  }

  @AfterEach
  void stop() {
    server.close();
    source.close();
    loops.close();
    clients.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  @Test
  void aClientThatOpensNoWindowHoldsItsShareAndOthersAreServed() throws Exception {
    Channel stalled = connect(mesh.credentials("web", "shop"));
    for (int i = 0; i < STREAMS; i++) {
      call(stalled, 4 * i + 1, "WatchPort");
      call(stalled, 4 * i + 3, "GetPort");
    }
    eventually(() -> server.ledger().counts().streams() == STREAMS);
    long most = 0;
    for (int i = 0; i < 3; i++) {
      BlockingQueue<Server> received = new LinkedBlockingQueue<>();
      ManagedChannel honest = open(mesh.credentials("ledger", "shop"));
      watch(honest, received);
      Server policy = received.poll(20, TimeUnit.SECONDS);
      assertThat(policy).isNotNull();
      assertThat(policy.getSerializedSize()).isGreaterThan(POLICY_BYTES);
      most = Math.max(most, loops.load().identifiedBytes());
      honest.shutdownNow();
    }
    assertThat(most).isLessThan(MOST_BYTES);
    // All of its streams have their turn when it reads, or ends, others.
    assertThat(server.ledger().counts().streams()).isGreaterThanOrEqualTo(STREAMS);

    stalled.close().sync();
    eventually(() -> loops.load().identifiedBytes() == 0);
  }

  private ManagedChannel open(Credentials client) {
    return ControlChannel.open(
        new ControlChannel.Address("127.0.0.1", server.address().getPort()),
        SERVER_NAME,
        () -> client,
        InstantSource.system(),
        loops);
  }

  private static void watch(ManagedChannel channel, BlockingQueue<Server> received) {
    InboundServerPoliciesGrpc.newStub(channel)
        .watchPort(
            PortSpec.newBuilder().setWorkload("shop:ledger").setPort(8080).build(),
            new StreamObserver<>() {
              @Override
              public void onNext(Server policy) {
                received.add(policy);
              }

              @Override
              public void onError(Throwable error) {}

              @Override
              public void onCompleted() {}
            });
  }

  private static void eventually(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(5_000_000);
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  /** A connection whose streams have no window: it reads frames, and nothing of a message. */
  private Channel connect(Credentials client) throws Exception {
    SslContext tls = MeshSslContexts.client(client, List.of(), InstantSource.system());
    try {
      return new Bootstrap()
          .group(clients)
          .channel(NioSocketChannel.class)
          .handler(
              new ChannelInitializer<>() {
                @Override
                protected void initChannel(Channel created) {
                  created.pipeline().addLast(tls.newHandler(created.alloc()));
                  created.pipeline().addLast(new Frames());
                }
              })
          .connect(server.address())
          .sync()
          .channel();
    } finally {
      ReferenceCountUtil.release(tls);
    }
  }

  private static final class Frames extends SimpleChannelInboundHandler<ByteBuf> {
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int INITIAL_WINDOW_SIZE = 4;

    private final ByteBuf received = Unpooled.buffer();

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      ctx.write(
          Unpooled.copiedBuffer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", StandardCharsets.US_ASCII));
      ctx.writeAndFlush(
          frame(SETTINGS, 0, 0, Unpooled.buffer().writeShort(INITIAL_WINDOW_SIZE).writeInt(0)));
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf bytes) {
      received.writeBytes(bytes);
      while (received.readableBytes() >= 9
          && received.readableBytes() >= 9 + received.getUnsignedMedium(received.readerIndex())) {
        ByteBuf payload = Unpooled.buffer();
        int length = received.readUnsignedMedium();
        int type = received.readUnsignedByte();
        int flags = received.readUnsignedByte();
        received.readInt();
        received.readBytes(payload, length);
        if ((flags & 1) == 0 && type == SETTINGS) {
          ctx.writeAndFlush(frame(SETTINGS, 1, 0, Unpooled.buffer()));
        } else if ((flags & 1) == 0 && type == PING) {
          ctx.writeAndFlush(frame(PING, 1, 0, payload));
        }
      }
      received.discardReadBytes();
    }
  }

  private static ByteBuf frame(int type, int flags, int stream, ByteBuf payload) {
    return Unpooled.buffer()
        .writeMedium(payload.readableBytes())
        .writeByte(type)
        .writeByte(flags)
        .writeInt(stream)
        .writeBytes(payload);
  }

  private static void call(Channel channel, int stream, String method) {
    ByteBuf block = Unpooled.buffer();
    literal(block, ":method", "POST");
    literal(block, ":scheme", "http");
    literal(block, ":path", "/" + InboundServerPoliciesGrpc.SERVICE_NAME + "/" + method);
    literal(block, ":authority", "x");
    literal(block, "content-type", "application/grpc");
    literal(block, "te", "trailers");
    channel.write(frame(1, 4, stream, block));
    byte[] message =
        PortSpec.newBuilder().setWorkload("shop:web").setPort(8080).build().toByteArray();
    ByteBuf data = Unpooled.buffer().writeByte(0).writeInt(message.length).writeBytes(message);
    channel.writeAndFlush(frame(0, 1, stream, data));
  }

  /** A literal without indexing, RFC 7541 section 6.2.2. */
  private static void literal(ByteBuf block, String name, String value) {
    block.writeByte(0);
    block.writeByte(name.length()).writeCharSequence(name, StandardCharsets.US_ASCII);
    block.writeByte(value.length()).writeCharSequence(value, StandardCharsets.US_ASCII);
  }
}
