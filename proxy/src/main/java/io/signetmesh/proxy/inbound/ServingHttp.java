package io.signetmesh.proxy.inbound;

/**
 * Requests are decided on one by one. The HTTP path looks at the policy itself from here on, before
 * each request and whenever it changes.
 */
final class ServingHttp implements ConnectionState {
  private final Runnable serve;

  /**
   * @param serve puts the handlers of the protocol in place
   */
  ServingHttp(Runnable serve) {
    this.serve = serve;
  }

  @Override
  public void enter() {
    serve.run();
  }
}
