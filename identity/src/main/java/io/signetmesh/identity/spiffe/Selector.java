package io.signetmesh.identity.spiffe;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A property that a calling process must have.
 *
 * @param kind the property
 * @param value its expected value
 */
public record Selector(Kind kind, String value) {
  private static final String PREFIX = "unix:";
  private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,9}");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  /** What the kernel shows for each user or group of another user namespace. */
  private static final String OVERFLOW_ID = "65534";

  private static final long MAX_ID = 0xffff_fffeL;
  private static final int MAX_PATH = 4096;

  /** Properties of a process, as SPIRE names them. */
  public enum Kind {
    /** Effective user id. */
    UID,
    /** Effective group id. */
    GID,
    /** Path of its executable. */
    PATH,
    /** SHA-256 of its executable, hexadecimal. */
    SHA256;

    /** Name of the property after {@code unix:}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Parses {@code unix:uid:1000}, {@code unix:gid:1000}, {@code unix:path:/usr/bin/web} or {@code
   * unix:sha256:<64 hexadecimal digits>}.
   *
   * @throws IllegalArgumentException when the text has none of these forms
   */
  public static Selector parse(String text) {
    int colon = text.indexOf(':', PREFIX.length());
    if (text.startsWith(PREFIX) && colon > 0) {
      String label = text.substring(PREFIX.length(), colon);
      String value = text.substring(colon + 1);
      Optional<Kind> kind =
          Arrays.stream(Kind.values()).filter(k -> k.label().equals(label)).findFirst();
      if (kind.isPresent()) {
        return new Selector(kind.get(), checked(kind.get(), text, value));
      }
    }
    throw new IllegalArgumentException(
        "selector "
            + WorkloadIdentity.printable(text)
            + ": expected unix:uid:NUMBER, unix:gid:NUMBER, unix:path:FILE or unix:sha256:DIGEST");
  }

  private static String checked(Kind kind, String text, String value) {
    String name = "selector " + WorkloadIdentity.printable(text);
    switch (kind) {
      case UID, GID -> {
        if (!NUMBER.matcher(value).matches() || Long.parseLong(value) > MAX_ID) {
          throw new IllegalArgumentException(name + ": expected a number from 0 to " + MAX_ID);
        }
        if (value.equals(OVERFLOW_ID)) {
          throw new IllegalArgumentException(
              name
                  + ": the kernel shows "
                  + OVERFLOW_ID
                  + " for whoever is in another user namespace; expected the id of one user");
        }
      }
      case PATH -> {
        if (!value.startsWith("/") || value.length() > MAX_PATH || value.indexOf('\0') >= 0) {
          throw new IllegalArgumentException(name + ": expected an absolute path");
        }
      }
      case SHA256 -> {
        if (!DIGEST.matcher(value).matches()) {
          throw new IllegalArgumentException(
              name + ": expected 64 hexadecimal digits in lower case");
        }
      }
    }
    return value;
  }

  @Override
  public String toString() {
    return PREFIX + kind.label() + ":" + value;
  }
}
