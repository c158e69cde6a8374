package io.signetmesh.proxy.http.exchange;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Headers;

/**
 * The client's side of an {@link Exchange}: receives the response. Heads are HTTP/2 headers with
 * pseudo-headers, whatever the HTTP version on the wire. Confined to the loop.
 */
public interface ServerStream {
  /** Whether the client speaks HTTP/2, so that a stream can be reset without the connection. */
  boolean multiplexed();

  /** Whether the client takes a head, or trailers, of this size. */
  default boolean accepts(Http2Headers fields) {
    return true;
  }

  /** Notes that the proxy refuses the request, before its answer is sent. */
  default void refused() {}

  /** Sends an interim response (1xx other than 101). */
  void informational(Http2Headers head);

  /** Sends the final response head; {@code end}: there is no body and there are no trailers. */
  void head(Http2Headers head, boolean end);

  /**
   * Sends body bytes and takes ownership of them.
   *
   * @return false when the client is slow: more may be given, but the caller should hold its source
   *     until {@link Exchange#resumeResponse}
   */
  boolean data(ByteBuf data, boolean end);

  /** Sends trailers, which end the response. */
  void trailers(Http2Headers trailers);

  /** Ends the exchange abruptly: resets the stream, or closes an HTTP/1 connection. */
  void abort(long http2ErrorCode);

  /** Closes the connection once the response has been sent. */
  void closeAfterResponse();

  /**
   * Leaves HTTP: bytes go between the client and {@code upstream} from here on.
   *
   * @param closed called when both are closed
   */
  void becomeTunnel(Channel upstream, Runnable closed);

  /** The upstream takes request bytes again. */
  void resumeRequest();
}
