package io.signetmesh.proxy.connect;

import com.google.protobuf.InvalidProtocolBufferException;
import io.linkerd.transport.Header;
import io.linkerd.transport.SessionProtocol;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The transport header, which begins a direct connection between proxies, in Linkerd's format: 23
 * bytes of magic, a big-endian 32-bit length, a protobuf {@link Header}.
 */
public final class TransportHeader {
  /** ALPN protocol of direct connections. */
  public static final String ALPN = "transport.l5d.io/v1";

  private static final byte[] MAGIC = (ALPN + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
  private static final int MAX_LENGTH = 64 * 1024;

  private TransportHeader() {}

  /** Encodes the header of a connection to a port of the application, 1 to 65535. */
  public static ByteBuf encode(ByteBufAllocator allocator, int port, Connector.Session session) {
    Header.Builder header = Header.newBuilder().setPort(port);
    switch (session) {
      case HTTP1 ->
          header.setSessionProtocol(
              SessionProtocol.newBuilder().setHttp1(SessionProtocol.Http1.getDefaultInstance()));
      case HTTP2 ->
          header.setSessionProtocol(
              SessionProtocol.newBuilder().setHttp2(SessionProtocol.Http2.getDefaultInstance()));
      case OPAQUE -> {}
    }
    byte[] body = header.build().toByteArray();
    ByteBuf out = allocator.buffer(MAGIC.length + 4 + body.length);
    return out.writeBytes(MAGIC).writeInt(body.length).writeBytes(body);
  }

  /**
   * Reads a header and consumes its bytes.
   *
   * @return the header; null when more bytes are needed, and then none are consumed
   * @throws InvalidHeaderException when the bytes are not a valid header
   */
  public static @Nullable Header decode(ByteBuf in) throws InvalidHeaderException {
    int start = in.readerIndex();
    int available = in.readableBytes();
    int compare = Math.min(available, MAGIC.length);
    for (int i = 0; i < compare; i++) {
      if (in.getByte(start + i) != MAGIC[i]) {
        throw new InvalidHeaderException("first bytes are not " + ALPN);
      }
    }
    if (available < MAGIC.length + 4) {
      return null;
    }
    long length = in.getUnsignedInt(start + MAGIC.length);
    if (length > MAX_LENGTH) {
      throw new InvalidHeaderException("length " + length + ": expected at most " + MAX_LENGTH);
    }
    int total = MAGIC.length + 4 + (int) length;
    if (available < total) {
      return null;
    }
    byte[] body = ByteBufUtil.getBytes(in, start + MAGIC.length + 4, (int) length);
    Header header;
    try {
      header = Header.parseFrom(body);
    } catch (InvalidProtocolBufferException e) {
      throw new InvalidHeaderException("not a protobuf Header");
    }
    if (header.getPort() < 1 || header.getPort() > 65_535) {
      throw new InvalidHeaderException("port " + header.getPort() + ": expected 1 to 65535");
    }
    in.skipBytes(total);
    return header;
  }

  /** Bytes that are not a transport header. */
  public static final class InvalidHeaderException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidHeaderException(String message) {
      super("transport header: " + message, null, false, false);
    }
  }
}
