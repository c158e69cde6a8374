package io.signetmesh.cli.command;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Reads short texts that may be secret: no message quotes them. */
public final class TextInput {
  /** Standard input, where a file is expected. */
  public static final String STANDARD_INPUT = "-";

  private static final int MAX_BYTES = 1 << 20;

  /**
   * Begin of an object in base64url, and two dots: what else a token can be is read from a file.
   */
  private static final Pattern TOKEN =
      Pattern.compile("ey[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*\\.[A-Za-z0-9_-]*");

  private TextInput() {}

  /**
   * Reads a token: the text itself when it has the form of one, else from a file.
   *
   * @param source token, file, or {@code -} for standard input
   */
  public static String token(String source) throws CommandFailure {
    return TOKEN.matcher(source).matches() ? source : read(source);
  }

  /**
   * Reads a text, without white space around it.
   *
   * @param source file, or {@code -} for standard input
   */
  public static String read(String source) throws CommandFailure {
    boolean standardInput = source.equals(STANDARD_INPUT);
    String name = standardInput ? "standard input" : shown(source);
    byte[] bytes;
    try (InputStream in = standardInput ? System.in : Files.newInputStream(Path.of(source))) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw CommandFailure.configuration(name + ": there is no such file", e);
    } catch (IOException | IllegalArgumentException e) {
      throw CommandFailure.configuration(name + " cannot be read", e);
    }
    if (bytes.length > MAX_BYTES) {
      throw CommandFailure.configuration(name + ": expected at most " + MAX_BYTES + " bytes");
    }
    return new String(bytes, StandardCharsets.UTF_8).strip();
  }

  /** A long name of a file may be a token with a typo. */
  private static String shown(String source) {
    return source.length() > 100
        ? "a file with a name of " + source.length() + " characters"
        : source;
  }
}
