package io.signetmesh.policy.fetch;

import io.signetmesh.crds.text.PlainText;
import java.util.Locale;

/** A document cannot be fetched. The message is one sentence without what the server sent. */
public final class FetchException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Some of what is quoted is from the server. */
  private static final int MAX_TEXT = 400;

  private final Kind kind;

  /** Kinds of failures. */
  public enum Kind {
    /** The name has no address. */
    NAME,
    /** Nothing is fetched from that address. */
    ADDRESS,
    /** No connection, or it ended early. */
    CONNECTION,
    /** The server is not trusted, or does not speak TLS. */
    TLS,
    /** It took too long. */
    TIMEOUT,
    /** The server sent a redirect, which is not followed. */
    REDIRECT,
    /** The server answered with another status than 200. */
    STATUS,
    /** The answer is too long. */
    SIZE,
    /** The answer is not what it should be. */
    CONTENT,
    /** The configuration document is of another issuer. */
    ISSUER,
    /** The file is not there, or is not read. */
    FILE;

    /** Name in metrics. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * @param message one sentence without a full stop
   */
  public FetchException(Kind kind, String message) {
    super(
        PlainText.of(
            message.length() > MAX_TEXT ? message.substring(0, MAX_TEXT) + "..." : message));
    this.kind = kind;
  }

  /** What kind of failure it is. */
  public Kind kind() {
    return kind;
  }

  /** The message, which is never null. */
  public String text() {
    return String.valueOf(getMessage());
  }
}
