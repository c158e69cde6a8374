package io.signetmesh.audit.tlog;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a tile of hashes or a bundle of entries is (C2SP {@code tlog-tiles}).
 *
 * @param level 0 to 63 for hashes; {@link #ENTRIES} for entries
 * @param index number of the tile in its level, 0 or more
 * @param width 1 to 256 hashes or entries; 256 is a full tile
 */
public record TilePath(int level, long index, int width) {
  /** The level of bundles of entries. */
  public static final int ENTRIES = -1;

  /** Hashes or entries of a full tile. */
  public static final int WIDTH = 256;

  /** Levels of the tree below a tile: 2^8 is {@link #WIDTH}. */
  static final int HEIGHT = 8;

  private static final int MAX_LEVEL = 63;
  private static final Pattern FORM =
      Pattern.compile(
          "tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\\.p/([1-9][0-9]{0,2}))?");

  /** Checks the ranges. */
  public TilePath {
    if (level < ENTRIES || level > MAX_LEVEL || index < 0 || width < 1 || width > WIDTH) {
      throw new IllegalArgumentException(
          "tile "
              + index
              + " of level "
              + level
              + ", "
              + width
              + " wide: expected a level up to 63, an index of 0 or more, and a width of 1 to 256");
    }
  }

  /** The bundle of entries with a number. */
  public static TilePath entries(long index, int width) {
    return new TilePath(ENTRIES, index, width);
  }

  /** How many full tiles of hashes a log of a size has in a level. */
  static long fullTiles(long size, int level) {
    int shift = HEIGHT * (level + 1);
    return shift >= Long.SIZE ? 0 : size >>> shift;
  }

  /** Whether fewer than 256 are in it, because the log ends there. */
  public boolean isPartial() {
    return width < WIDTH;
  }

  /** The full tile at the same place. */
  public TilePath full() {
    return new TilePath(level, index, WIDTH);
  }

  /**
   * Parses a path.
   *
   * @throws IllegalArgumentException when it has another form, or another path names the same tile
   */
  public static TilePath parse(String path) {
    Matcher matcher = FORM.matcher(path);
    if (matcher.matches()) {
      String width = matcher.group(3);
      TilePath parsed =
          new TilePath(
              matcher.group(1).equals("entries") ? ENTRIES : Integer.parseInt(matcher.group(1)),
              Long.parseLong(matcher.group(2).replaceAll("[x/]", "")),
              width == null ? WIDTH : Integer.parseInt(width));
      if (parsed.toString().equals(path)) {
        return parsed;
      }
    }
    throw new IllegalArgumentException(
        "\""
            + path
            + "\": expected tile/<level>/<index>[.p/<width>] with an index such as x001/067");
  }

  /** The path below the prefix of the log, with {@code /} between its parts. */
  @Override
  public String toString() {
    StringBuilder digits = new StringBuilder("%03d".formatted(index % 1000));
    for (long rest = index / 1000; rest > 0; rest /= 1000) {
      digits.insert(0, "x%03d/".formatted(rest % 1000));
    }
    return "tile/"
        + (level == ENTRIES ? "entries" : Integer.toString(level))
        + "/"
        + digits
        + (isPartial() ? ".p/" + width : "");
  }
}
