package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes HTTP/1.1 (RFC 9112) from HTTP/2 style heads straight to bytes. Nothing that could end a
 * line early gets through: a control character in a head is an error of the message.
 */
final class Http1Writer {
  private static final ByteBuf CRLF =
      Unpooled.unreleasableBuffer(
          Unpooled.directBuffer(2).writeBytes(new byte[] {'\r', '\n'}).asReadOnly());
  private static final ByteBuf LAST_CHUNK =
      Unpooled.unreleasableBuffer(
          Unpooled.directBuffer(5)
              .writeBytes("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII))
              .asReadOnly());
  private static final byte[] HTTP_11 = " HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] STATUS_11 = "HTTP/1.1 ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CHUNKED =
      "transfer-encoding: chunked\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] NO_CONTENT =
      "content-length: 0\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CONNECTION_CLOSE =
      "connection: close\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CONNECTION_KEEP_ALIVE =
      "connection: keep-alive\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] HOST = "host: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] COOKIE = "cookie: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] CONNECTION = "connection: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] UPGRADE = "upgrade: ".getBytes(StandardCharsets.US_ASCII);
  private static final int HEAD_SIZE = 512;

  private Http1Writer() {}

  /** How the body of a message is delimited. */
  enum Framing {
    /** No body, no length stated. */
    NONE,
    /** No body, stated as content-length 0. */
    EMPTY,
    /** The head carries a content-length. */
    LENGTH,
    CHUNKED,
    /** Up to the end of the connection. */
    CLOSE
  }

  /** What a response says of its connection (RFC 9112 9.3). */
  enum Persistence {
    /** Nothing: kept, as HTTP/1.1 has it. */
    IMPLIED,
    /** It is kept, which an HTTP/1.0 client has to be told. */
    KEEP_ALIVE,
    /** It is closed after the response. */
    CLOSE
  }

  /** The head of a request; {@code upgrade}: the protocol asked for, or null. */
  static ByteBuf request(
      ByteBufAllocator allocator,
      Http2Headers head,
      Framing framing,
      boolean absoluteForm,
      @Nullable CharSequence upgrade)
      throws MalformedHeadException {
    ByteBuf out = allocator.directBuffer(HEAD_SIZE);
    boolean ok = false;
    try {
      CharSequence method = required(head.method(), ":method");
      CharSequence path = required(head.path(), ":path");
      CharSequence authority = head.authority();
      token(out, method, ":method");
      out.writeByte(' ');
      if (absoluteForm && authority != null) {
        ByteBufUtil.writeAscii(out, "http://");
        token(out, authority, ":authority");
      }
      token(out, path, ":path");
      out.writeBytes(HTTP_11);
      if (authority != null) {
        out.writeBytes(HOST);
        token(out, authority, ":authority");
        out.writeByte('\r').writeByte('\n');
      }
      headers(out, head, authority != null);
      if (upgrade != null) {
        out.writeBytes(CONNECTION);
        ByteBufUtil.writeAscii(out, "upgrade\r\n");
        out.writeBytes(UPGRADE);
        value(out, upgrade, "upgrade");
        out.writeByte('\r').writeByte('\n');
      }
      framing(out, framing, Persistence.IMPLIED);
      ok = true;
      return out;
    } finally {
      if (!ok) {
        out.release();
      }
    }
  }

  /** The head of a response. */
  static ByteBuf response(
      ByteBufAllocator allocator,
      Http2Headers head,
      Framing framing,
      Persistence persistence,
      @Nullable CharSequence upgrade)
      throws MalformedHeadException {
    ByteBuf out = allocator.directBuffer(HEAD_SIZE);
    boolean ok = false;
    try {
      CharSequence status = required(head.status(), ":status");
      out.writeBytes(STATUS_11);
      token(out, status, ":status");
      out.writeByte(' ');
      reason(out, status);
      out.writeByte('\r').writeByte('\n');
      headers(out, head, false);
      if (upgrade != null) {
        out.writeBytes(CONNECTION);
        ByteBufUtil.writeAscii(out, "upgrade\r\n");
        out.writeBytes(UPGRADE);
        value(out, upgrade, "upgrade");
        out.writeByte('\r').writeByte('\n');
      }
      framing(out, framing, persistence);
      ok = true;
      return out;
    } finally {
      if (!ok) {
        out.release();
      }
    }
  }

  /** Writes body bytes as one chunk, or as they are when they are not chunked. */
  static void data(Channel channel, ByteBuf data, boolean chunked, boolean end) {
    int length = data.readableBytes();
    if (!chunked) {
      if (length > 0) {
        channel.write(data, channel.voidPromise());
      } else {
        data.release();
      }
      return;
    }
    if (length > 0) {
      ByteBuf size = channel.alloc().directBuffer(10);
      ByteBufUtil.writeAscii(size, Integer.toHexString(length));
      size.writeByte('\r').writeByte('\n');
      channel.write(size, channel.voidPromise());
      channel.write(data, channel.voidPromise());
      channel.write(CRLF.duplicate(), channel.voidPromise());
    } else {
      data.release();
    }
    if (end) {
      channel.write(LAST_CHUNK.duplicate(), channel.voidPromise());
    }
  }

  /** Writes the end of a chunked body with trailers. */
  static void trailers(Channel channel, Http2Headers trailers) throws MalformedHeadException {
    ByteBuf out = channel.alloc().directBuffer(HEAD_SIZE);
    boolean ok = false;
    try {
      ByteBufUtil.writeAscii(out, "0\r\n");
      headers(out, trailers, false);
      out.writeByte('\r').writeByte('\n');
      ok = true;
    } finally {
      if (!ok) {
        out.release();
      }
    }
    channel.write(out, channel.voidPromise());
  }

  private static void framing(ByteBuf out, Framing framing, Persistence persistence) {
    switch (framing) {
      case CHUNKED -> out.writeBytes(CHUNKED);
      case EMPTY -> out.writeBytes(NO_CONTENT);
      case NONE, LENGTH, CLOSE -> {}
    }
    if (persistence == Persistence.CLOSE || framing == Framing.CLOSE) {
      out.writeBytes(CONNECTION_CLOSE);
    } else if (persistence == Persistence.KEEP_ALIVE) {
      out.writeBytes(CONNECTION_KEEP_ALIVE);
    }
    out.writeByte('\r').writeByte('\n');
  }

  private static void headers(ByteBuf out, Http2Headers head, boolean skipHost)
      throws MalformedHeadException {
    boolean cookies = false;
    for (Map.Entry<CharSequence, CharSequence> entry : head) {
      CharSequence name = entry.getKey();
      if (name.length() == 0 || name.charAt(0) == ':' || HeaderNames.isHopByHop(name)) {
        continue;
      }
      if (skipHost && HeaderNames.HOST.contentEquals(name)) {
        continue;
      }
      if (HeaderNames.COOKIE.contentEquals(name)) {
        cookies = true;
        continue;
      }
      name(out, name);
      out.writeByte(':').writeByte(' ');
      value(out, entry.getValue(), name);
      out.writeByte('\r').writeByte('\n');
    }
    if (cookies) {
      // HTTP/2 may split cookies over several fields (RFC 9113 8.2.3); HTTP/1 has one.
      out.writeBytes(COOKIE);
      boolean first = true;
      for (CharSequence cookie : head.getAll(HeaderNames.COOKIE)) {
        if (!first) {
          out.writeByte(';').writeByte(' ');
        }
        first = false;
        value(out, cookie, HeaderNames.COOKIE);
      }
      out.writeByte('\r').writeByte('\n');
    }
  }

  private static void name(ByteBuf out, CharSequence name) throws MalformedHeadException {
    int length = name.length();
    out.ensureWritable(length + 2);
    for (int i = 0; i < length; i++) {
      char c = name.charAt(i);
      if (c <= ' ' || c >= 0x7f || c == ':') {
        throw new MalformedHeadException("header name", i, c);
      }
      out.writeByte(c);
    }
  }

  private static void token(ByteBuf out, CharSequence text, String what)
      throws MalformedHeadException {
    int length = text.length();
    if (length == 0) {
      throw new MalformedHeadException(what + " is empty");
    }
    out.ensureWritable(length);
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c <= ' ' || c == 0x7f || c > 0xff) {
        throw new MalformedHeadException(what, i, c);
      }
      out.writeByte(c);
    }
  }

  private static void value(ByteBuf out, CharSequence value, CharSequence name)
      throws MalformedHeadException {
    int length = value.length();
    out.ensureWritable(length + 4);
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      if ((c < ' ' && c != '\t') || c == 0x7f || c > 0xff) {
        throw new MalformedHeadException("value of " + name, i, c);
      }
      out.writeByte(c);
    }
  }

  private static CharSequence required(@Nullable CharSequence value, String name)
      throws MalformedHeadException {
    if (value == null) {
      throw new MalformedHeadException(name + " is missing");
    }
    return value;
  }

  private static void reason(ByteBuf out, CharSequence status) {
    if (AsciiString.contentEquals("200", status)) {
      out.writeByte('O').writeByte('K');
    } else {
      try {
        ByteBufUtil.writeAscii(
            out,
            io.netty.handler.codec.http.HttpResponseStatus.valueOf(
                    Integer.parseInt(status, 0, status.length(), 10))
                .reasonPhrase());
      } catch (NumberFormatException e) {
        out.writeByte('-');
      }
    }
  }

  /** A head that cannot be written as HTTP/1 without changing its meaning. */
  static final class MalformedHeadException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedHeadException(String message) {
      super(message, null, false, false);
    }

    MalformedHeadException(String what, int index, char found) {
      this("%s has character 0x%02x at index %d".formatted(what, (int) found, index));
    }
  }
}
