package io.signetmesh.collector.index;

import io.signetmesh.collector.query.Condition;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Names of the fields of an indexed entry, and what of a value is indexed. */
final class IndexField {
  /** Kind of the entry. */
  static final String KIND = "kind";

  /** There for foreign entries only. */
  static final String FOREIGN = "foreign";

  /** There for entries that could not be read. */
  static final String UNREADABLE = "unreadable";

  /** Identity of the client of a decision. */
  static final String CLIENT = "client";

  /** Address of the client of a decision; a port at its end is left out, its colon is not. */
  static final String ADDRESS = "address";

  /** Milliseconds since the Unix epoch, rounded down. */
  static final String TIME = "time";

  /** Names of fields whose values of this entry are not indexed. */
  static final String OPAQUE = "opaque";

  /** The one value of fields that are there or not. */
  static final String YES = "1";

  /** Values of more characters are not indexed; the index takes up to 32,766 bytes. */
  private static final int MAX_LENGTH = 2_048;

  private static final List<String> NAMES =
      Stream.of(Condition.Field.values()).map(f -> f.name().toLowerCase(Locale.ROOT)).toList();

  private IndexField() {}

  /** The name of a field of which a text is wanted. */
  static String of(Condition.Field field) {
    return NAMES.get(field.ordinal());
  }

  /** Whether a value is not indexed: it is long, or cannot be written in UTF-8. */
  static boolean isOpaque(String value) {
    if (value.length() > MAX_LENGTH) {
      return true;
    }
    for (int i = 0; i < value.length(); i++) {
      char at = value.charAt(i);
      if (Character.isSurrogate(at)) {
        if (i + 1 == value.length() || !Character.isSurrogatePair(at, value.charAt(i + 1))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }

  /** What of an address is indexed: most have a port that changes with each connection. */
  static String address(String address) {
    int colon = address.length() - 1;
    while (colon > 0 && isDigit(address.charAt(colon))) {
      colon--;
    }
    int digits = address.length() - 1 - colon;
    return colon >= 0 && address.charAt(colon) == ':' && digits >= 1 && digits <= 5
        ? address.substring(0, colon + 1)
        : address;
  }

  private static boolean isDigit(char one) {
    return one >= '0' && one <= '9';
  }

  /** Whether the port of an indexed address was left out. */
  static boolean isWithoutPort(String address) {
    return address.endsWith(":");
  }
}
