package io.signetmesh.proxy.http.h1;

import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.RequestBytes;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Holds the head of a request to what can be read in one way only, so that the application reads
 * the request that was decided on (RFC 9112 6, 11.2).
 */
final class RequestCheck {
  static final String BAD_REQUEST = "400 Bad Request";
  private static final String TOO_LARGE = "431 Request Header Fields Too Large";
  private static final String NOT_IMPLEMENTED = "501 Not Implemented";

  /** Protocols that would carry requests past the proxy, by the name before their version. */
  private static final List<String> REQUEST_PROTOCOLS = List.of("http", "h2", "h2c", "h3", "tls");

  private RequestCheck() {}

  /**
   * What is wrong with a head.
   *
   * @param why for records
   * @param status of the answer, with its reason phrase
   */
  record Flaw(String why, String status) {}

  /**
   * What is wrong with a head; null: nothing.
   *
   * @param headers what was made of it; null: it has no target, host or version that can be read
   * @param maxBytes longest head
   */
  static @Nullable Flaw flaw(HttpRequest request, @Nullable Http2Headers headers, int maxBytes) {
    boolean ok = request.decoderResult().isSuccess();
    if (headers == null || request.protocolVersion().majorVersion() != 1) {
      String why = ok ? "target, host or version" : flaw(request.decoderResult());
      return new Flaw("head: " + why, tooLarge(request) ? TOO_LARGE : BAD_REQUEST);
    }
    if (Http1Heads.listSize(request.headers()) + request.uri().length() > maxBytes) {
      return new Flaw("head: larger than the limit", TOO_LARGE);
    }
    List<String> codings = request.headers().getAll(HeaderNames.TRANSFER_ENCODING);
    if (!codings.isEmpty()
        && !(codings.size() == 1 && codings.getFirst().trim().equalsIgnoreCase("chunked"))) {
      // RFC 9112 6.1: a coding that is not understood.
      return new Flaw("transfer coding", NOT_IMPLEMENTED);
    }
    boolean length = request.headers().contains(HeaderNames.CONTENT_LENGTH);
    if (request.method().name().equals("CONNECT") && (!codings.isEmpty() || length)) {
      // RFC 9110 9.3.6: what follows it has no length, so that one that states a length is read in
      // two ways.
      return new Flaw("CONNECT with a body", BAD_REQUEST);
    }
    if (codings.isEmpty() && !length && HttpUtil.getContentLength(request, 0L) > 0) {
      // The codec reads a body of a WebSocket draft of 2010, which nobody else would see.
      return new Flaw("a body without a length", BAD_REQUEST);
    }
    return null;
  }

  /**
   * The protocols that a request asks to go on with; null for none, and where one of them is HTTP
   * once more: its requests would be decided by nobody.
   */
  static @Nullable CharSequence upgrade(HttpRequest request) {
    List<String> offers = request.headers().getAll(HeaderNames.UPGRADE);
    if (offers.isEmpty()) {
      return null;
    }
    String protocol = String.join(", ", offers);
    for (String offer : protocol.split(",", -1)) {
      String name = offer.strip();
      if (name.isEmpty()) {
        continue;
      }
      int version = name.indexOf('/');
      String plain = version < 0 ? name : name.substring(0, version);
      if (!RequestSyntax.isToken(plain)
          || (version >= 0 && !RequestSyntax.isToken(name.substring(version + 1)))
          || REQUEST_PROTOCOLS.contains(plain.toLowerCase(Locale.ROOT))) {
        return null;
      }
    }
    for (String connection : request.headers().getAll(HeaderNames.CONNECTION)) {
      if (HeaderNames.hasToken(connection, HeaderNames.UPGRADE)) {
        return protocol;
      }
    }
    return null;
  }

  /** What is wrong with a message, without what it holds: that may be secret. */
  static String flaw(DecoderResult result) {
    return switch (result.cause()) {
      case TooLongFrameException e -> "larger than the limit";
      case PrematureChannelClosureException e -> "the connection ended in it";
      case RequestBytes.MalformedException e -> String.valueOf(e.getMessage());
      case null, default -> RequestBytes.withoutContent(result.cause());
    };
  }

  private static boolean tooLarge(HttpMessage message) {
    Throwable cause = message.decoderResult().cause();
    return cause instanceof TooLongHttpHeaderException || cause instanceof TooLongHttpLineException;
  }
}
