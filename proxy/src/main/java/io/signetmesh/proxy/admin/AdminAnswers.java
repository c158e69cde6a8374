package io.signetmesh.proxy.admin;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Answers the requests of an admin port. Called on its loop; must not block. */
interface AdminAnswers {
  /**
   * Answers a request.
   *
   * @param peer address of the client; null for one that is on the network whatever its address
   * @param request is not looked at any more when this returns
   * @return completes on the loop, normally; at once for all but metrics
   */
  CompletableFuture<FullHttpResponse> answer(
      @Nullable InetSocketAddress peer, FullHttpRequest request);
}
