package io.signetmesh.policy.fetch;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.signetmesh.policy.fetch.FetchException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLException;

/** One GET and its answer. */
final class DocumentExchange extends SimpleChannelInboundHandler<HttpObject> {
  private static final int OK = 200;

  private final String url;
  private final URI uri;
  private final CompletableFuture<byte[]> answer;
  private final String accept;
  private final int maxBytes;
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private boolean informational;

  DocumentExchange(
      String url, URI uri, CompletableFuture<byte[]> answer, String accept, int maxBytes) {
    this.url = url;
    this.uri = uri;
    this.answer = answer;
    this.accept = accept;
    this.maxBytes = maxBytes;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (ctx.pipeline().get(SslHandler.class) == null) {
      ask(ctx);
    }
    ctx.fireChannelActive();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake) {
      if (handshake.isSuccess()) {
        ask(ctx);
      } else {
        fail(ctx, Kind.TLS, "no TLS with its server: " + handshake.cause().getMessage());
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  private void ask(ChannelHandlerContext ctx) {
    String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
    DefaultFullHttpRequest request =
        new DefaultFullHttpRequest(
            HttpVersion.HTTP_1_1,
            HttpMethod.GET,
            uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery(),
            Unpooled.EMPTY_BUFFER);
    request
        .headers()
        .set(HttpHeaderNames.HOST, uri.getRawAuthority())
        .set(HttpHeaderNames.ACCEPT, accept)
        .set(HttpHeaderNames.USER_AGENT, "signet-policy")
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    ctx.writeAndFlush(request);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
    if (answer.isDone()) {
      return;
    }
    if (!message.decoderResult().isSuccess()) {
      fail(ctx, Kind.CONTENT, "the answer is not HTTP");
      return;
    }
    if (message instanceof HttpResponse response) {
      head(ctx, response);
    }
    if (message instanceof HttpContent content && !answer.isDone()) {
      body(ctx, content);
    }
  }

  private void head(ChannelHandlerContext ctx, HttpResponse response) {
    int status = response.status().code();
    HttpStatusClass kind = response.status().codeClass();
    informational = kind == HttpStatusClass.INFORMATIONAL && status != 101;
    if (informational) {
      return;
    }
    String encoding = response.headers().get(HttpHeaderNames.CONTENT_ENCODING, "identity");
    if (kind == HttpStatusClass.REDIRECTION) {
      fail(ctx, Kind.REDIRECT, "its server answers " + status + ": redirects are not followed");
    } else if (status != OK) {
      fail(ctx, Kind.STATUS, "its server answers " + status + ": expected 200");
    } else if (!encoding.equalsIgnoreCase("identity")) {
      fail(ctx, Kind.CONTENT, "the answer has a content coding, which was not asked for");
    } else if (HttpUtil.getContentLength(response, 0L) > maxBytes) {
      tooLong(ctx);
    }
  }

  private void body(ChannelHandlerContext ctx, HttpContent content) {
    ByteBuf bytes = content.content();
    if (body.size() + bytes.readableBytes() > maxBytes) {
      tooLong(ctx);
      return;
    }
    try {
      bytes.readBytes(body, bytes.readableBytes());
    } catch (IOException e) {
      throw new IllegalStateException("a buffer in memory", e);
    }
    if (content instanceof LastHttpContent) {
      if (informational) {
        informational = false;
      } else {
        answer.complete(body.toByteArray());
        ctx.close();
      }
    }
  }

  private void tooLong(ChannelHandlerContext ctx) {
    fail(ctx, Kind.SIZE, "the answer has more than " + maxBytes + " bytes");
  }

  private void fail(ChannelHandlerContext ctx, Kind kind, String message) {
    answer.completeExceptionally(new FetchException(kind, url + ": " + message));
    ctx.close();
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    fail(ctx, Kind.CONNECTION, "the connection ended before the answer");
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    Throwable root = cause.getCause() instanceof SSLException inner ? inner : cause;
    if (root instanceof SSLException) {
      fail(ctx, Kind.TLS, "no TLS with its server: " + root.getMessage());
    } else {
      fail(ctx, Kind.CONNECTION, "the connection failed: " + cause.getMessage());
    }
  }
}
