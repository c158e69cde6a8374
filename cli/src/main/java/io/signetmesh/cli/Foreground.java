package io.signetmesh.cli;

import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps server commands running until the process is asked to end (SIGINT, SIGTERM). */
final class Foreground {
  private static final Logger log = LoggerFactory.getLogger(Foreground.class);

  private Foreground() {}

  /** Serves until the process is asked to end, then closes the server and ends with code 0. */
  static int serve(AutoCloseable server) throws InterruptedException {
    return serve(server, new CountDownLatch(1));
  }

  /**
   * Serves until the process is asked to end or the server has ended by itself.
   *
   * @param ended reaches zero when the server ends by itself; it is closed then too
   */
  static int serve(AutoCloseable server, CountDownLatch ended) throws InterruptedException {
    Runtime.getRuntime()
        .addShutdownHook(
            Thread.ofPlatform()
                .name("shutdown")
                .unstarted(
                    () -> {
                      int code = ExitCode.OK;
                      try {
                        server.close();
                      } catch (Exception e) {
                        log.error("closing", e);
                        code = ExitCode.INTERNAL;
                      }
                      // Being asked to end is no failure: not the code that the signal stands for.
                      Runtime.getRuntime().halt(code);
                    }));
    ended.await();
    return ExitCode.OK;
  }
}
