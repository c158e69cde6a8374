package io.signetmesh.jwt;

/** A request head, whoever keeps it. */
public interface HeadFields {
  /**
   * Values of all fields of a name in order, without white space around them; empty when there is
   * none. A field that a peer sent once is one value: lists are not split.
   *
   * @param lowerCaseName lower case
   */
  Iterable<? extends CharSequence> values(String lowerCaseName);

  /** The request target in origin form: path and query. */
  CharSequence path();

  /** The method. */
  CharSequence method();
}
