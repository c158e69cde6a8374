package io.signetmesh.cli.server;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps server commands running until the process is asked to end (SIGINT, SIGTERM). */
public final class Foreground {
  private static final Logger log = LoggerFactory.getLogger(Foreground.class);

  private Foreground() {}

  /** Serves until the process is asked to end, then closes the server and ends with code 0. */
  public static int serve(AutoCloseable server) throws InterruptedException {
    return serve(server, new CompletableFuture<>());
  }

  /**
   * Serves until the process is asked to end or the server has ended by itself.
   *
   * @param stop ends the server when the process is asked to end; returns when that is done
   * @param ended completes when the server has ended by itself
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
