package io.signetmesh.cli.server;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a server command until SIGINT or SIGTERM. */
public final class Foreground {
  private static final Logger log = LoggerFactory.getLogger(Foreground.class);

  private Foreground() {}

  /** Serves until SIGINT or SIGTERM. Then it closes the server and exits with code 0. */
  public static int serve(AutoCloseable server) throws InterruptedException {
    return serve(server, new CompletableFuture<>());
  }

  /**
   * Serves until SIGINT or SIGTERM, or until the server stops by itself. A signal exits the
   * process: with code 0, or {@link ExitCode#INTERNAL} if {@code stop} throws.
   *
   * @param stop stops the server after a signal, and returns when it has stopped
   * @param ended completes when the server has stopped by itself
   * @return exit code if the server stopped by itself: 0, or {@link ExitCode#INTERNAL} if {@code
   *     ended} failed
   */
  public static int serve(AutoCloseable stop, CompletableFuture<Void> ended)
      throws InterruptedException {
    Runtime.getRuntime()
        .addShutdownHook(
            Thread.ofPlatform()
                .name("shutdown")
                .unstarted(
                    () -> {
                      int code = ExitCode.OK;
                      try {
                        stop.close();
                      } catch (Exception e) {
                        log.error("closing", e);
                        code = ExitCode.INTERNAL;
                      }
                      // Being asked to end is no failure: not the code that the signal stands for.
                      Runtime.getRuntime().halt(code);
                    }));
    try {
      ended.get();
    } catch (ExecutionException e) {
      log.error("the server ended", e.getCause());
      return ExitCode.INTERNAL;
    }
    return ExitCode.OK;
  }
}
