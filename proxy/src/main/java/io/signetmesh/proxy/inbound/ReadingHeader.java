package io.signetmesh.proxy.inbound;

import io.linkerd.transport.Header;
import io.netty.buffer.ByteBuf;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.connect.TransportHeader;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the transport header of a direct connection. */
final class ReadingHeader implements ConnectionState {
  private static final Logger log = LoggerFactory.getLogger(ReadingHeader.class);

  private final HeldReads held;
  private final Duration timeout;
  private final Consumer<Header> read;
  private final Runnable invalid;
  private final Runnable undecided;

  /**
   * @param invalid runs when the bytes are no header
   * @param undecided runs when time or input came to an end before
   */
  ReadingHeader(
      HeldReads held,
      Duration timeout,
      Consumer<Header> read,
      Runnable invalid,
      Runnable undecided) {
    this.held = held;
    this.timeout = timeout;
    this.read = read;
    this.invalid = invalid;
    this.undecided = undecided;
  }

  @Override
  public void enter() {
    held.inspect(
        timeout, ReadingHeader::decode, header -> header.ifPresentOrElse(read, invalid), undecided);
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
