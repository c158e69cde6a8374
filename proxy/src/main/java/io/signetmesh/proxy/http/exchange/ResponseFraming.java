package io.signetmesh.proxy.http.exchange;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;

/**
 * Holds a response to what its head states. A response is none when its status is no status (RFC
 * 9110 15), when its parts come in another order than they do (RFC 9113 8.1), or when its body is
 * not as long as the head states: whoever reads it would take what follows for the rest, or the
 * rest for what follows.
 */
final class ResponseFraming {
  private static final AsciiString SWITCHING = AsciiString.cached("101");
  private static final long UNDECLARED = -1;

  private boolean started;
  private boolean bodiless;
  private long left = UNDECLARED;

  /** Whether a head may go to the client as an interim response now. */
  boolean mayBeInterim(Http2Headers head) {
    return !started && isStatus(head, '1', '1');
  }

  /** Whether a head may be that of the final response, or of a switch of protocols, now. */
  boolean mayBeFinal(Http2Headers head) {
    boolean switches = head.status() != null && SWITCHING.contentEquals(head.status());
    return !started && (switches || isStatus(head, '2', '5'));
  }

  /**
   * Reads how long the body is.
   *
   * @param end whether the response ends with its head
   * @return false when the head states no length that the response has
   */
  boolean readLength(Http2Headers request, Http2Headers head, boolean end) {
    bodiless = isBodiless(request, head);
    CharSequence length = bodiless ? null : head.get(HeaderNames.CONTENT_LENGTH);
    left = length == null ? UNDECLARED : HeaderNames.parseLength(length);
    return left != HeaderNames.MALFORMED_LENGTH && !(end && left > 0);
  }

  /** The head goes to the client. */
  void start() {
    started = true;
  }

  /** Whether the head has gone to the client. */
  boolean started() {
    return started;
  }

  /** Whether the response has no body, whatever comes and whatever it states. */
  boolean bodiless() {
    return bodiless;
  }

  /** Takes bytes of the body; false: they are more, or fewer, than the head states. */
  boolean take(int bytes, boolean end) {
    if (left == UNDECLARED) {
      return true;
    }
    left -= bytes;
    return left >= 0 && !(end && left > 0);
  }

  /** Whether trailers may come now. */
  boolean mayEnd() {
    return started && left <= 0;
  }

  /** Whether a status is one: three digits, the first within a range (RFC 9110 15). */
  private static boolean isStatus(Http2Headers head, char lowest, char highest) {
    CharSequence status = head.status();
    if (status == null || status.length() != 3) {
      return false;
    }
    char first = status.charAt(0);
    return first >= lowest
        && first <= highest
        && isDigit(status.charAt(1))
        && isDigit(status.charAt(2));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /** Whether a response has no body (RFC 9110 6.4.1). */
  private static boolean isBodiless(Http2Headers request, Http2Headers head) {
    CharSequence method = request.method();
    CharSequence code = head.status();
    return (method != null && AsciiString.contentEquals("HEAD", method))
        || (code != null
            && (AsciiString.contentEquals("204", code) || AsciiString.contentEquals("304", code)));
  }
}
