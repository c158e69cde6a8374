package io.signetmesh.collector.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.signetmesh.audit.tlog.AddCheckpoint;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.Witness;
import io.signetmesh.audit.tlog.WitnessRefusal;
import io.signetmesh.identity.admin.OneRequestServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a witness over HTTP (C2SP {@code tlog-witness}): {@code POST /add-checkpoint}. Who asks
 * does not matter, because only what a log has signed is cosigned. TLS is for whoever stands before
 * it.
 */
public final class WitnessServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(WitnessServer.class);
  private static final OneRequestServer.Limits LIMITS =
      new OneRequestServer.Limits(
          1_024, 8 * 1_024, AddCheckpoint.MAX_BYTES, 256, 32, Duration.ofSeconds(10));

  private final Witness witness;
  private final OneRequestServer server;

  private WitnessServer(InetSocketAddress address, Witness witness) throws IOException {
    this.witness = witness;
    this.server = OneRequestServer.start("witness", address, LIMITS, _ -> List.of(), this::answer);
  }

  /**
   * Binds and serves.
   *
   * @throws IOException when the address cannot be bound
   */
  public static WitnessServer start(InetSocketAddress address, Witness witness) throws IOException {
    return new WitnessServer(address, witness);
  }

  /** The bound address. */
  public InetSocketAddress address() {
    return server.address();
  }

  private void answer(ChannelHandlerContext context, FullHttpRequest request) {
    OneRequestServer.send(context, answer(request), false);
  }

  private FullHttpResponse answer(FullHttpRequest request) {
    if (!"/add-checkpoint".equals(OneRequestServer.path(request))) {
      return OneRequestServer.text(HttpResponseStatus.NOT_FOUND, "expected /add-checkpoint\n");
    }
    if (!request.method().equals(HttpMethod.POST)) {
      return OneRequestServer.notAllowed("POST", "POST");
    }
    try {
      AddCheckpoint asked = AddCheckpoint.parse(ByteBufUtil.getBytes(request.content()));
      return OneRequestServer.text(HttpResponseStatus.OK, witness.cosign(asked) + "\n");
    } catch (MalformedLogException e) {
      return OneRequestServer.text(HttpResponseStatus.BAD_REQUEST, e.getMessage() + "\n");
    } catch (WitnessRefusal e) {
      log.warn("a checkpoint was not cosigned: {}", e.getMessage());
      HttpResponseStatus status = HttpResponseStatus.valueOf(e.kind().status());
      return e.kind() == WitnessRefusal.Kind.OTHER_SIZE
          ? OneRequestServer.response(
              status, "text/x.tlog.size", Unpooled.copiedBuffer(e.size() + "\n", UTF_8))
          : OneRequestServer.text(status, e.getMessage() + "\n");
    } catch (IOException | RuntimeException e) {
      log.error("a checkpoint cannot be cosigned", e);
      return OneRequestServer.text(
          HttpResponseStatus.INTERNAL_SERVER_ERROR, "the checkpoint cannot be remembered\n");
    }
  }

  @Override
  public void close() {
    server.close();
  }
}
