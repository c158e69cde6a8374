package io.signetmesh.proxy.http.exchange;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.Http2Headers;

/**
 * The upstream side of an {@link Exchange}: receives the rest of the request after its head.
 * Confined to the loop.
 */
public interface ClientStream {
  /** Sends body bytes and takes ownership; false asks to hold the source, see ServerStream. */
  boolean data(ByteBuf data, boolean end);

  /** Sends trailers, which end the request. */
  void trailers(Http2Headers trailers);

  /** Gives the request up. No further events reach the exchange. */
  void cancel(long http2ErrorCode);

  /** Bytes of the request that wait to be sent. */
  long heldBytes();

  /** The client takes response bytes again. */
  void resumeResponse();
}
