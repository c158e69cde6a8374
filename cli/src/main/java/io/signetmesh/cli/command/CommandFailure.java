package io.signetmesh.cli.command;

import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** An expected failure of a command: one sentence for standard error, and an exit code. */
public final class CommandFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  private CommandFailure(int exitCode, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  /** Configuration, manifests or state are invalid: {@link ExitCode#CONFIGURATION}. */
  public static CommandFailure configuration(String message) {
    return new CommandFailure(ExitCode.CONFIGURATION, message, null);
  }

  /** Configuration, manifests or state are invalid: {@link ExitCode#CONFIGURATION}. */
  public static CommandFailure configuration(String message, Throwable cause) {
    return new CommandFailure(ExitCode.CONFIGURATION, message, cause);
  }

  /** A server cannot be reached or a port cannot be bound: {@link ExitCode#UNAVAILABLE}. */
  public static CommandFailure unavailable(String message) {
    return new CommandFailure(ExitCode.UNAVAILABLE, message, null);
  }

  /** A server cannot be reached or a port cannot be bound: {@link ExitCode#UNAVAILABLE}. */
  public static CommandFailure unavailable(String message, Throwable cause) {
    return new CommandFailure(ExitCode.UNAVAILABLE, message, cause);
  }

  /**
   * Converts what kept a server from starting into a failure with a sentence and an exit code. A
   * bug of Signet is returned unchanged.
   *
   * @param what name of the server, as in "the identity server"
   * @param cause what the start threw
   */
  public static Exception starting(String what, Exception cause) {
    Throwable root = cause;
    while (root.getCause() != null
        && (root instanceof ExecutionException
            || root instanceof CompletionException
            || root instanceof UncheckedIOException)) {
      root = root.getCause();
    }
    String sentence = what + " cannot start: " + root.getMessage();
    return switch (root) {
      case CommandFailure known -> known;
      case BindException e -> unavailable(sentence, e);
      case TimeoutException e -> unavailable(sentence, e);
      case NoSuchFileException e ->
          configuration(what + " cannot start: " + e.getFile() + " does not exist", e);
      case FileSystemException e -> configuration(sentence, e);
      case IOException e when bindFailure(e) != null ->
          unavailable(sentence + ": " + bindFailure(e), e);
      case IOException e -> configuration(sentence, e);
      case InvalidManifestsException e -> configuration(String.valueOf(e.getMessage()), e);
      case PkiException e -> configuration(sentence, e);
      case IllegalArgumentException e -> configuration(sentence, e);
      default -> cause;
    };
  }

  /** What a bind failed on, when that is the cause; gRPC wraps it. */
  private static @Nullable String bindFailure(IOException failure) {
    for (Throwable at = failure.getCause(); at != null; at = at.getCause()) {
      if (at instanceof BindException || at.getClass().getName().endsWith("NativeIoException")) {
        return at.getMessage();
      }
    }
    return null;
  }

  /** A code of {@link ExitCode}. */
  public int exitCode() {
    return exitCode;
  }
}
