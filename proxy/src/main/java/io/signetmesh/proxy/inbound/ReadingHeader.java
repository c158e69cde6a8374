package io.signetmesh.proxy.inbound;

import io.linkerd.transport.Header;
import io.netty.buffer.ByteBuf;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.connect.TransportHeader;
import io.signetmesh.proxy.detect.HttpVersion;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the transport header of a direct connection. Gateways are not served, and a proxy never
 * forwards to itself: a header that asks for either is as good as none.
 */
final class ReadingHeader implements ConnectionState {
  private static final Logger log = LoggerFactory.getLogger(ReadingHeader.class);

  private final HeldReads held;
  private final Duration timeout;
  private final int ownPort;
  private final Consumer<Direct> read;
  private final Runnable invalid;
  private final Runnable undecided;

  /**
   * What a header asks for.
   *
   * @param port port of the application
   * @param session protocol of the connection; null: the header names none
   */
  record Direct(int port, @Nullable HttpVersion session) {
    /** The protocol as metrics show it. */
    String sessionLabel() {
      return session == null ? "" : session == HttpVersion.HTTP1 ? "http/1" : "http/2";
    }
  }

  /**
   * @param ownPort port of the proxy
   * @param invalid runs when the bytes are no header that is served
   * @param undecided runs when time or input came to an end before
   */
  ReadingHeader(
      HeldReads held,
      Duration timeout,
      int ownPort,
      Consumer<Direct> read,
      Runnable invalid,
      Runnable undecided) {
    this.held = held;
    this.timeout = timeout;
    this.ownPort = ownPort;
    this.read = read;
    this.invalid = invalid;
    this.undecided = undecided;
  }

  @Override
  public void enter() {
    held.inspect(
        timeout,
        ReadingHeader::decode,
        header -> header.flatMap(this::direct).ifPresentOrElse(read, invalid),
        undecided);
  }

  private Optional<Direct> direct(Header header) {
    if (!header.getName().isEmpty() || header.getPort() == ownPort) {
      return Optional.empty();
    }
    HttpVersion session =
        switch (header.getSessionProtocol().getKindCase()) {
          case HTTP1 -> HttpVersion.HTTP1;
          case HTTP2 -> HttpVersion.HTTP2;
          case KIND_NOT_SET -> null;
        };
    return Optional.of(new Direct(header.getPort(), session));
  }

  @Override
  public void leave() {
    held.stop();
  }

  private static @Nullable Optional<Header> decode(ByteBuf bytes) {
    try {
      Header header = TransportHeader.decode(bytes);
      return header == null ? null : Optional.of(header);
    } catch (TransportHeader.InvalidHeaderException e) {
      log.debug("{}", e.getMessage());
      return Optional.empty();
    }
  }
}
