package io.signetmesh.proxy.http.exchange;

/** The requests of one loop that have no response head yet. Confined to the loop. */
public final class InFlight {
  private int requests;

  void begun() {
    requests++;
  }

  void answered() {
    requests--;
  }

  /** How many there are. */
  public int requests() {
    return requests;
  }
}
