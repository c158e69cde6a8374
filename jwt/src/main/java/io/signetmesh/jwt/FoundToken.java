package io.signetmesh.jwt;

/** What a search for a token in a request head came to. */
public sealed interface FoundToken {
  /** The request has no token. */
  record None() implements FoundToken {}

  /** The request has more than one, or one in a field that it repeats. */
  record Many() implements FoundToken {}

  /** The request has one that is longer than 16 KiB. */
  record TooLarge() implements FoundToken {}

  /**
   * The request has one.
   *
   * @param bytes its bytes, 0 to 16 KiB; nobody else has the array
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over, not compared
  record One(byte[] bytes) implements FoundToken {}

  /** The request has no token. */
  FoundToken NONE = new None();

  /** The request has more than one. */
  FoundToken MANY = new Many();

  /** The request has one that is too long. */
  FoundToken TOO_LARGE = new TooLarge();
}
