package io.signetmesh.cli.trust;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A console whose time passes in pauses only. */
final class FakeConsole implements TrustConsole {
  final Deque<String> answers = new ArrayDeque<>();
  final List<String> questions = new ArrayList<>();

  /** Runs in the pauses, one in each. */
  final Deque<Runnable> meanwhile = new ArrayDeque<>();

  boolean terminal;
  int registered;
  private Instant now;

  FakeConsole(Instant now) {
    this.now = now;
  }

  @Override
  public InstantSource clock() {
    return () -> now;
  }

  @Override
  public boolean isTerminal() {
    return terminal;
  }

  @Override
  public @Nullable String ask(String question) {
    questions.add(question);
    return answers.poll();
  }

  @Override
  public void pause(Duration duration) {
    now = now.plus(duration);
    Runnable act = meanwhile.poll();
    if (act != null) {
      act.run();
    }
  }

  /** What a signal would run is run by {@link #meanwhile}, when a test asks for it. */
  @Nullable Runnable onSignal;

  @Override
  public Registration onSignal(Runnable act) {
    registered++;
    onSignal = act;
    return () -> onSignal = null;
  }
}
