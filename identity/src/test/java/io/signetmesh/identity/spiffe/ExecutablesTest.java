package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.channel.LocalPeer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ExecutablesTest {
  private static final int WEB_USER = 1000;
  private static final int OTHER_USER = 1001;
  private static final String DIGEST_OF_ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  @TempDir Path proc;
  @TempDir Path bin;

  private Executables executables;
  private Path web;

  @BeforeEach
  void start() throws Exception {
    executables = new Executables(proc);
    web = Files.writeString(bin.resolve("web"), "abc");
    runs(7, web);
  }

  @Test
  void anExecutableIsReadOnce() throws Exception {
    assertThat(executables.sha256(WEB_USER, 7)).contains(DIGEST_OF_ABC);
    assertThat(executables.sha256(WEB_USER, 7)).contains(DIGEST_OF_ABC);

    assertThat(executables.hashed()).isEqualTo(1);
    assertThat(executables.path(7)).contains(web.toString());
  }

  @Test
  void anExecutableThatWasReplacedUnderTheSameNameIsReadAgain() throws Exception {
    executables.sha256(WEB_USER, 7);
    var time = Files.getLastModifiedTime(web);

    Files.writeString(web, "abd");
    Files.setLastModifiedTime(web, time);

    assertThat(executables.sha256(WEB_USER, 7))
        .isPresent()
        .isNotEqualTo(Optional.of(DIGEST_OF_ABC));
  }

  @Test
  void anExecutableThatIsGoneHasNeitherNameNorDigest() throws Exception {
    Files.delete(web);

    assertThat(executables.path(7)).isEmpty();
    assertThat(executables.sha256(WEB_USER, 7)).isEmpty();
    assertThat(executables.path(8)).isEmpty();
  }

  @Test
  void allSelectorsMustHoldAndNoFileIsReadForAProcessThatIsExcludedAnyway() {
    CallerEvidence evidence = new CallerEvidence(new LocalPeer(1000, 100, 7), executables);
    Selector path = Selector.parse("unix:path:" + web);
    Selector digest = Selector.parse("unix:sha256:" + DIGEST_OF_ABC);

    assertThat(evidence.matches(List.of(digest, Selector.parse("unix:uid:1001")))).isFalse();
    assertThat(evidence.matches(List.of(digest, Selector.parse("unix:gid:101")))).isFalse();
    assertThat(evidence.matches(List.of(digest, Selector.parse("unix:path:/bin/other")))).isFalse();
    assertThat(executables.hashed()).isZero();
    assertThat(
            evidence.matches(
                List.of(
                    digest, path, Selector.parse("unix:uid:1000"), Selector.parse("unix:gid:100"))))
        .isTrue();
    assertThat(evidence.matches(List.of(Selector.parse("unix:sha256:" + "0".repeat(64)))))
        .isFalse();
  }

  private void runs(int pid, Path executable) throws IOException {
    Path directory = Files.createDirectory(proc.resolve(Integer.toString(pid)));
    Files.createSymbolicLink(directory.resolve("exe"), executable);
  }

  @Test
  void whoHasAnExecutableThatTakesLongMakesNobodyElseWait() throws Exception {
    Path slow = neverEnding("slow");
    runs(8, slow);
    runs(9, Files.writeString(bin.resolve("second"), "abcd"));
    Future<Optional<String>> first = asks(OTHER_USER, 8);
    await(() -> executables.pending() == 1);
    Future<Optional<String>> second = asks(OTHER_USER, 9);
    await(() -> executables.pending() == 2);

    assertThat(executables.sha256(WEB_USER, 7)).contains(DIGEST_OF_ABC);
    // Its own wait for it.
    assertThat(second.isDone()).isFalse();
    assertThat(executables.hashed()).isEqualTo(1);

    end(slow);
    assertThat(first.get(20, TimeUnit.SECONDS)).isPresent();
    assertThat(second.get(20, TimeUnit.SECONDS)).isPresent();
    await(() -> executables.pending() == 0);
  }

  @Test
  void usersTakeTurnsWhenAllReadersAreBusy() throws Exception {
    List<Path> slow = new ArrayList<>();
    List<Future<Optional<String>>> busy = new ArrayList<>();
    for (int i = 0; i < Executables.HASHERS; i++) {
      slow.add(neverEnding("slow-" + i));
      runs(100 + i, slow.getLast());
      busy.add(asks(2000 + i, 100 + i));
    }
    await(() -> executables.pending() == Executables.HASHERS);
    // The first of these users brings another one, and then the user who has none comes.
    Path next = neverEnding("next");
    runs(200, next);
    Future<Optional<String>> again = asks(2000, 200);
    await(() -> executables.pending() == Executables.HASHERS + 1);
    Future<Optional<String>> web = asks(WEB_USER, 7);
    await(() -> executables.pending() == Executables.HASHERS + 2);

    end(slow.get(1));

    // 2000 has a file that is read: it is the turn of the other.
    assertThat(web.get(20, TimeUnit.SECONDS)).contains(DIGEST_OF_ABC);
    assertThat(again.isDone()).isFalse();
    for (Path file : slow) {
      if (!file.equals(slow.get(1))) {
        end(file);
      }
    }
    end(next);
    for (Future<Optional<String>> one : busy) {
      assertThat(one.get(20, TimeUnit.SECONDS)).isPresent();
    }
    assertThat(again.get(20, TimeUnit.SECONDS)).isPresent();
  }

  @Test
  void aUserHasABoundedNumberOfFilesThatWaitAndACallerWaitsForABoundedTime() throws Exception {
    executables = new Executables(proc, Duration.ofMillis(50));
    Path slow = neverEnding("slow");
    runs(8, slow);
    assertThatThrownBy(() -> executables.sha256(OTHER_USER, 8))
        .isInstanceOf(TimeoutException.class);
    for (int i = 1; i < Executables.MAX_WAITING_OF_USER; i++) {
      runs(100 + i, Files.writeString(bin.resolve("small-" + i), "x" + i));
      int pid = 100 + i;
      assertThatThrownBy(() -> executables.sha256(OTHER_USER, pid))
          .isInstanceOf(TimeoutException.class);
    }
    runs(200, Files.writeString(bin.resolve("one-more"), "y"));

    assertThatThrownBy(() -> executables.sha256(OTHER_USER, 200))
        .isInstanceOf(TimeoutException.class)
        .hasMessageContaining("user 1001 has too many executables that wait");
    assertThat(executables.pending()).isEqualTo(Executables.MAX_WAITING_OF_USER);
    CallerEvidence late = new CallerEvidence(new LocalPeer(OTHER_USER, 100, 200), executables);
    assertThat(late.matches(List.of(Selector.parse("unix:sha256:" + DIGEST_OF_ABC)))).isFalse();
    assertThat(late.isLate()).isTrue();

    end(slow);
    await(() -> executables.pending() == 0);
    assertThat(executables.hashed()).isEqualTo(Executables.MAX_WAITING_OF_USER);
  }

  /** A file that is read for as long as the test wants: a named pipe. */
  private Path neverEnding(String name) throws Exception {
    Path pipe = bin.resolve(name);
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    return pipe;
  }

  private static void end(Path pipe) throws IOException {
    Files.newOutputStream(pipe, StandardOpenOption.WRITE).close();
  }

  private Future<Optional<String>> asks(int uid, int pid) {
    FutureTask<Optional<String>> asked = new FutureTask<>(() -> executables.sha256(uid, pid));
    Thread.ofPlatform().daemon().start(asked);
    return asked;
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }
}
