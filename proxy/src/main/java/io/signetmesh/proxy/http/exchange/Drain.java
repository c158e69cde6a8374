package io.signetmesh.proxy.http.exchange;

/**
 * User events that ask an HTTP connection to end after its requests in flight. May be fired
 * repeatedly.
 */
public enum Drain {
  /**
   * It ends soon, and the client is told where it cannot miss it: HTTP/1 answers one more request,
   * with {@code connection: close}; HTTP/2 sends GOAWAY for streams that do not exist yet (RFC 9113
   * 6.8). A request that is under way to an idle connection is answered that way.
   */
  ANNOUNCE,
  /** It ends now: HTTP/1 stops keep-alive, an idle connection is closed; HTTP/2 sends GOAWAY. */
  BEGIN
}
