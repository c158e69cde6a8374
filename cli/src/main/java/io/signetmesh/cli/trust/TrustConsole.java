package io.signetmesh.cli.trust;

import java.io.Console;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** Who calls the commands, a person at a terminal or a program, and the time. */
interface TrustConsole {
  /** The time. */
  InstantSource clock();

  /** Whether standard input and output are a terminal. */
  boolean isTerminal();

  /** Asks the person at the terminal; null when there is no answer. */
  @Nullable String ask(String question);

  /** Waits. */
  void pause(Duration duration) throws InterruptedException;

  /** Runs an act when the command is ended by a signal before the result is closed. */
  Registration onSignal(Runnable act);

  /** Until it is closed, something is in force. */
  interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  /** The console of this process. */
  final class OfProcess implements TrustConsole {
    @Override
    public InstantSource clock() {
      return Clock.systemUTC();
    }

    @Override
    public boolean isTerminal() {
      Console console = System.console();
      return console != null && console.isTerminal();
    }

    @Override
    public @Nullable String ask(String question) {
      Console console = System.console();
      return console == null ? null : console.readLine("%s", question);
    }

    @Override
    public void pause(Duration duration) throws InterruptedException {
      Thread.sleep(duration);
    }

    @Override
    public Registration onSignal(Runnable act) {
      Thread hook = Thread.ofPlatform().name("signal").unstarted(act);
      Runtime.getRuntime().addShutdownHook(hook);
      return () -> {
        try {
          Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
          // The process is ending, and the hook runs.
        }
      };
    }
  }
}
