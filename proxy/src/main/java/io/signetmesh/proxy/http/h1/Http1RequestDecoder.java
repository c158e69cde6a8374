package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.util.AsciiString;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.RequestBytes;
import io.signetmesh.proxy.memory.BufferHolder;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Strict request decoder that stops after each request, notices heads which arrive slowly and
 * refuses folded lines (RFC 9112 5.2), which parsers read differently.
 */
final class Http1RequestDecoder extends HttpRequestDecoder implements BufferHolder {
  private static final byte LF = '\n';

  private final Http1ServerConnection connection;
  private @Nullable ChannelHandlerContext context;
  private boolean decoding;
  private boolean inputEnded;
  private boolean inBody;
  private boolean headBegun;
  private boolean lineEnded;
  private boolean folded;
  private int lengths;
  private final RequestBytes bytes = new RequestBytes();
  private final PartialHead partial;

  Http1RequestDecoder(Http1ServerConnection connection, HttpConfig config) {
    super(
        new HttpDecoderConfig()
            .setMaxInitialLineLength(config.maxHeadBytes())
            .setMaxHeaderSize(config.maxHeadBytes())
            .setMaxChunkSize(64 * 1024)
            .setAllowDuplicateContentLengths(false)
            .setStrictLineParsing(true)
            .setUseRfc9112TransferEncoding(true));
    this.connection = connection;
    this.partial = new PartialHead(config.maxHeadBytes());
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
    context = ctx;
    partial.chargeTo(ConnectionMemory.of(ctx.channel()));
    super.handlerAdded(ctx);
  }

  @Override
  public long heldBytes() {
    return internalBuffer().capacity();
  }

  /** Whether lines without anything in them are all that has come of the next request. */
  boolean hasEmptyLinesOnly() {
    return bytes.emptyLinesOnly();
  }

  /** Whether bytes wait that belong to what follows the current request. */
  boolean holdsBytes() {
    return actualReadableBytes() > 0;
  }

  /** Lets go of what waits, for the connection is closing and may take a while. */
  void drop() {
    ChannelHandlerContext ctx = context;
    if (ctx == null || decoding || !holdsBytes()) {
      // The loop that is under way drops it itself.
      return;
    }
    try {
      channelRead(ctx, Unpooled.EMPTY_BUFFER);
    } catch (Exception e) {
      ctx.fireExceptionCaught(e);
    }
  }

  /** Goes on after the end of an exchange with what had come before. */
  void resume() {
    ChannelHandlerContext ctx = context;
    if (ctx == null || decoding) {
      // The loop that is under way sees that it may go on.
      return;
    }
    try {
      if (holdsBytes()) {
        channelRead(ctx, Unpooled.EMPTY_BUFFER);
      }
      if (inputEnded && !connection.blocked()) {
        inputEnded = false;
        super.userEventTriggered(ctx, ChannelInputShutdownEvent.INSTANCE);
      }
    } catch (Exception e) {
      ctx.fireExceptionCaught(e);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event == ChannelInputShutdownEvent.INSTANCE
        && connection.blocked()
        && !connection.isClosing()) {
      inputEnded = true;
      return;
    }
    super.userEventTriggered(ctx, event);
  }

  /** The inherited one would read on although the connection is held. */
  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    if (connection.blocked()) {
      discardSomeReadBytes();
      ctx.fireChannelReadComplete();
    } else {
      super.channelReadComplete(ctx);
    }
  }

  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) throws Exception {
    super.handlerRemoved0(ctx);
    if (inputEnded) {
      ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
    }
  }

  @Override
  protected void callDecode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    boolean nested = decoding;
    decoding = true;
    try {
      super.callDecode(ctx, in, out);
    } finally {
      decoding = nested;
    }
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
    if (connection.isClosing()) {
      in.skipBytes(in.readableBytes());
      return;
    }
    if (connection.blocked()) {
      connection.hold();
      return;
    }
    if (!bytes.look(in)) {
      refuse(in, out, new RequestBytes.MalformedException(bytes.flaw()));
      return;
    }
    if (bytes.waits(in)) {
      if (in.isReadable()) {
        connection.partialHead();
      }
      return;
    }
    int before = out.size();
    int start = in.readerIndex();
    super.decode(ctx, in, out);
    bytes.decoded(in.readerIndex() - start);
    boolean message = out.size() > before;
    if (!inBody) {
      checkFolding(in, start, message);
      if (message) {
        partial.ended();
        begun(out.get(before));
      } else if (headBegun || in.isReadable()) {
        if (!partial.parsed(in, start)) {
          refuse(in, out, new TooLongHttpHeaderException("more fields than a head may have"));
          return;
        }
        connection.partialHead();
      }
    }
    if (message && out.getLast() instanceof LastHttpContent) {
      inBody = false;
      bytes.requestDecoded();
    }
  }

  /** Hands out in the place of a request, or of the rest of one, that it is malformed. */
  private void refuse(ByteBuf in, List<Object> out, Exception flaw) {
    in.skipBytes(in.readableBytes());
    DecoderResult failure = DecoderResult.failure(flaw);
    if (inBody) {
      HttpContent end = new DefaultLastHttpContent(Unpooled.EMPTY_BUFFER);
      end.setDecoderResult(failure);
      out.add(end);
    } else {
      HttpMessage none = createInvalidMessage();
      none.setDecoderResult(failure);
      out.add(none);
    }
  }

  private void begun(Object head) {
    inBody = true;
    headBegun = false;
    lineEnded = false;
    lengths = 0;
    bytes.headDecoded(head instanceof HttpMessage of && HttpUtil.isTransferEncodingChunked(of));
    if (folded && head instanceof HttpMessage request && request.decoderResult().isSuccess()) {
      request.setDecoderResult(
          DecoderResult.failure(new IllegalArgumentException("folded header line")));
    }
    folded = false;
  }

  /** Looks for lines that begin with a blank in what was just parsed of a head. */
  private void checkFolding(ByteBuf in, int start, boolean complete) {
    int end = in.readerIndex();
    if (lineEnded && start < in.writerIndex() && isBlank(in.getByte(start))) {
      folded = true;
    }
    lineEnded = false;
    int limit = complete ? end - 1 : end;
    for (int i = in.indexOf(start, limit, LF); i >= 0; i = in.indexOf(i + 1, limit, LF)) {
      if (i + 1 == in.writerIndex()) {
        lineEnded = true;
      } else if (isBlank(in.getByte(i + 1))) {
        folded = true;
      }
    }
  }

  private static boolean isBlank(byte b) {
    return b == ' ' || b == '\t';
  }

  @Override
  protected HttpMessage createMessage(String[] initialLine) throws Exception {
    headBegun = true;
    return super.createMessage(initialLine);
  }

  /** Two lengths: the inherited decoder takes the first one of an HTTP/1.0 request. */
  @Override
  protected AsciiString splitHeaderName(byte[] line, int start, int length) {
    AsciiString name = super.splitHeaderName(line, start, length);
    if (!inBody && HeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(name) && ++lengths > 1) {
      throw new RequestBytes.MalformedException("several Content-Length fields");
    }
    return name;
  }

  /** Both Transfer-Encoding and Content-Length: an attempt at smuggling (RFC 9112 6.1). */
  @Override
  protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
    throw new IllegalArgumentException(
        "both transfer-encoding: chunked and content-length are present");
  }
}
