package io.signetmesh.proxy.http.exchange;

import java.util.function.LongSupplier;

/**
 * The account of one client over all its connections of a loop: its budget for useless work, and
 * whether it shares upstream connections with other clients. Confined to its loop.
 */
public final class ClientAccount {
  /**
   * Requests that may come to nothing at once, on one connection: twice as many as it may have
   * streams, because a peer's proxy carries the requests of many.
   */
  private static final int CONNECTION_REQUESTS = 2048;

  private static final int CONNECTION_REQUESTS_PER_SECOND = 200;
  private static final int CLIENT_REQUESTS = 4 * CONNECTION_REQUESTS;
  private static final int CLIENT_REQUESTS_PER_SECOND = 2 * CONNECTION_REQUESTS_PER_SECOND;

  /**
   * Requests that come to nothing, from which on a client's requests go over connections to the
   * application apart from those of others: applications end connections over fewer resets than we.
   */
  private static final int APART_REQUESTS = 64;

  /** Useless work that a client causes. */
  public enum Waste {
    /** A request that is malformed, or that its client cancels before the response. */
    RESET("requests that are cancelled or malformed", WorkBudget.REQUEST),
    /** A request that is refused. */
    REFUSAL("requests that are refused", WorkBudget.REQUEST / 4),
    /** A frame that says nothing, or what a connection seldom has to say. */
    FRAME("frames of no use", 2),
    /** Bytes of heads beyond the limit, or that are decompressed from next to nothing. */
    FIELDS("heads of no use", 1);

    private final String text;
    private final int cost;

    Waste(String text, int cost) {
      this.text = text;
      this.cost = cost;
    }

    /** Description for audit records. */
    public String text() {
      return text;
    }

    /** Cost, in the unit of {@link WorkBudget}. */
    public int cost() {
      return cost;
    }
  }

  private final LongSupplier nanoTime;
  private final WorkBudget budget;
  int connections;

  public ClientAccount(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.budget = new WorkBudget(nanoTime, CLIENT_REQUESTS, CLIENT_REQUESTS_PER_SECOND);
  }

  /** Budget of one of the client's connections. */
  public WorkBudget connectionBudget() {
    return new WorkBudget(nanoTime, CONNECTION_REQUESTS, CONNECTION_REQUESTS_PER_SECOND);
  }

  /** Budget of all the client's connections together. */
  public WorkBudget budget() {
    return budget;
  }

  /** Whether the client's requests use upstream connections of their own. */
  public boolean isApart() {
    return budget.spent() > (long) APART_REQUESTS * WorkBudget.REQUEST;
  }

  /** Whether the client is as good as one that has not been seen. */
  boolean isForgettable() {
    return connections == 0 && budget.spent() == 0;
  }
}
