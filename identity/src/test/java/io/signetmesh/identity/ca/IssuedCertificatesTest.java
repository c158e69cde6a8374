package io.signetmesh.identity.ca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.state.RecordFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IssuedCertificatesTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final String CART = "cart.shop.serviceaccount.identity.signet.cluster.local";

  @TempDir Path state;

  private Instant now = START;
  private final InstantSource clock = () -> now;
  private final List<IssuedCertificates> open = new ArrayList<>();
  private IssuedCertificates issued;

  @BeforeEach
  void start() throws Exception {
    issued = reopen(1_000_000);
  }

  @AfterEach
  void stop() {
    open.forEach(IssuedCertificates::close);
  }

  @Test
  void findsALeafByItsSerialAndByItsIdentityAlsoAfterARestart() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(24)));
    issued.record(leaf("a2", CART, Duration.ofHours(24)));
    issued.record(leaf("a3", WEB, Duration.ofHours(24)));

    for (int restart = 0; restart < 2; restart++) {
      assertThat(issued.of(WEB)).extracting(IssuedLeaf::serial).containsExactly("a1", "a3");
      assertThat(issued.find("a2")).contains(leaf("a2", CART, Duration.ofHours(24)));
      assertThat(issued.find("a4")).isEmpty();
      assertThat(issued.of("nobody")).isEmpty();
      issued = reopen(1_000_000);
    }
  }

  @Test
  void aLeafIsInTheFileWhenRecordReturnsSoThatACrashOfTheProcessLosesNone() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(24)));

    // As a crash leaves it: neither synced nor closed.
    IssuedCertificates next = reopenBesideIt();

    assertThat(next.find("a1")).isPresent();
  }

  @Test
  void theKeyOfALeafIsKnownUnlessAnEarlierVersionRecordedIt() throws Exception {
    issued.close();
    try (RecordFile earlier = RecordFile.open(state.resolve("issued.log"), line -> true, "all")) {
      earlier.append(
          "a1 %s %s %d %d workload-token"
              .formatted(
                  WEB,
                  "ab".repeat(32),
                  START.plusSeconds(3600).getEpochSecond(),
                  START.getEpochSecond()));
    }
    IssuedLeaf known =
        new IssuedLeaf(
            "a2", WEB, "ab".repeat(32), START.plusSeconds(3600), START, "join-token", -2L);
    issued = reopen(1_000);
    issued.record(known);

    for (int restart = 0; restart < 2; restart++) {
      assertThat(issued.find("a1"))
          .hasValueSatisfying(leaf -> assertThat(leaf.keyDigest()).isZero());
      assertThat(issued.find("a2")).contains(known);
      assertThat(issued.newest(WEB, 1)).containsExactly(known);
      issued = reopen(1_000);
    }
  }

  @Test
  void anExpiredLeafIsNotFound() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(1)));

    now = START.plus(Duration.ofHours(1));

    assertThat(issued.find("a1")).isEmpty();
    assertThat(issued.of(WEB)).isEmpty();
    assertThat(issued.all()).isEmpty();
  }

  @Test
  void theFileIsOfItsOwnerOnlyAndOneOpenToOthersIsRefused() throws Exception {
    Path file = state.resolve("issued.log");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");

    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));

    assertThatThrownBy(() -> reopen(1_000))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("open to others");
  }

  @Test
  void aLastLineThatWasNotWrittenWholeIsCutOffAndTheNextOneStartsInItsPlace() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(24)));
    issued.close();
    Path file = state.resolve("issued.log");
    byte[] whole = Files.readAllBytes(file);
    for (int cut = 1; cut < whole.length; cut += 7) {
      Files.write(file, whole);
      Files.write(file, Arrays.copyOf(whole, cut), StandardOpenOption.APPEND);

      issued = reopen(1_000);
      issued.record(leaf("a2", WEB, Duration.ofHours(24)));
      issued = reopen(1_000);

      assertThat(issued.of(WEB)).extracting(IssuedLeaf::serial).containsExactly("a1", "a2");
    }
  }

  @Test
  void damageElsewhereIsAnErrorThatNamesTheLine() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(24)));
    issued.record(leaf("a2", WEB, Duration.ofHours(24)));
    issued.close();
    Path file = state.resolve("issued.log");
    String text = Files.readString(file, StandardCharsets.US_ASCII);
    Files.writeString(file, text.replaceFirst("^a1", "a7"));

    assertThatThrownBy(() -> reopen(1_000))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("issued.log:1 is damaged");
    assertThat(Files.readString(file)).startsWith("a7");
  }

  @Test
  void whenTooManyLeavesLiveNoneIsRecordedUntilSomeHaveExpired() throws Exception {
    issued = reopen(2);
    issued.record(leaf("a1", WEB, Duration.ofHours(1)));
    issued.record(leaf("a2", CART, Duration.ofHours(24)));

    assertThatThrownBy(() -> issued.record(leaf("a3", "third", Duration.ofHours(1))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("expected fewer than 2");
    assertThat(issued.find("a3")).isEmpty();

    now = START.plus(Duration.ofHours(3));
    issued.record(leaf("a4", WEB, Duration.ofHours(24)));
    assertThat(issued.all()).extracting(IssuedLeaf::serial).containsExactlyInAnyOrder("a2", "a4");
  }

  @Test
  void oneIdentityDoesNotKeepTheOthersFromTheirLeaves() throws Exception {
    issued = reopen(100);
    for (int i = 0; i < 5; i++) {
      issued.record(leaf("a" + i, WEB, Duration.ofHours(24)));
    }

    assertThatThrownBy(() -> issued.record(leaf("a9", WEB, Duration.ofHours(24))))
        .hasMessageContaining("5 leaves of " + WEB)
        .hasMessageContaining("expected fewer than 5");
    issued.record(leaf("b1", CART, Duration.ofHours(24)));
  }

  @Test
  void aSerialIsRecordedOnce() throws Exception {
    issued.record(leaf("a1", WEB, Duration.ofHours(1)));

    assertThatThrownBy(() -> issued.record(leaf("a1", CART, Duration.ofHours(1))))
        .hasMessageContaining("serial a1");
  }

  @Test
  void theFileIsWrittenAnewWhenMostOfItHasExpired() throws Exception {
    for (int i = 0; i < 3_000; i++) {
      issued.record(leaf(Integer.toHexString(i + 1), WEB, Duration.ofHours(i < 2_900 ? 1 : 24)));
    }
    long before = Files.size(state.resolve("issued.log"));

    now = START.plus(Duration.ofHours(3));
    issued.sweep();
    issued.record(leaf("ffff", CART, Duration.ofHours(24)));

    assertThat(Files.size(state.resolve("issued.log"))).isLessThan(before / 20);
    issued = reopen(1_000_000);
    assertThat(issued.all()).hasSize(101);
    assertThat(issued.find("ffff")).isPresent();
  }

  @Test
  void leavesAreRecordedWhileTheFileIsWrittenAnew() throws Exception {
    for (int i = 0; i < 3_000; i++) {
      issued.record(leaf(Integer.toHexString(i + 1), WEB, Duration.ofHours(i < 2_900 ? 1 : 24)));
    }
    now = START.plus(Duration.ofHours(3));
    IssuedCertificates.Compaction compaction = issued.beginSweep();
    assertThat(compaction).isNotNull();

    // Another thread: it would wait for a lock that this one held.
    CompletableFuture.runAsync(
            () -> {
              try {
                issued.record(leaf("ffff", CART, Duration.ofHours(24)));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            })
        .get(20, TimeUnit.SECONDS);
    compaction.run();
    issued.record(leaf("fffe", CART, Duration.ofHours(24)));

    assertThat(issued.all()).hasSize(102);
    issued = reopen(1_000_000);
    assertThat(issued.all()).hasSize(102);
    assertThat(issued.of(CART)).extracting(IssuedLeaf::serial).containsExactly("ffff", "fffe");
  }

  @Test
  void valuesThatALineCannotHoldAreRefused() {
    assertThatThrownBy(() -> leaf("a1", "web shop", Duration.ofHours(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("identity 'web shop'");
    assertThatThrownBy(() -> leaf("A1", WEB, Duration.ofHours(1)))
        .hasMessageContaining("serial 'A1'");
  }

  private static IssuedLeaf leaf(String serial, String identity, Duration left) {
    return new IssuedLeaf(
        serial, identity, "ab".repeat(32), START.plus(left), START, "workload-token");
  }

  private IssuedCertificates reopen(int max) throws Exception {
    open.forEach(IssuedCertificates::close);
    open.clear();
    return reopenWithout(max);
  }

  private IssuedCertificates reopenBesideIt() throws Exception {
    return reopenWithout(1_000);
  }

  private IssuedCertificates reopenWithout(int max) throws Exception {
    IssuedCertificates opened = IssuedCertificates.open(state, clock, max);
    open.add(opened);
    return opened;
  }
}
