package io.signetmesh.proxy.http.exchange;

/** Counts the requests of one loop that wait for a response head. Confined to the loop. */
public final class InFlight {
  private int requests;

  void begun() {
    requests++;
  }

  void answered() {
    requests--;
  }

  /** Number of requests in flight. */
  public int requests() {
    return requests;
  }
}
