package io.signetmesh.identity.ca.revocation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.crl.RevocationReason;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import javax.security.auth.x500.X500Principal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RevocationStoreTest {
  private static final X500Principal ISSUER = new X500Principal("CN=issuer");
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";

  @TempDir Path state;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  @Test
  void whatWouldMakeAListThatWorkloadsDoNotTakeIsNotRevoked() throws Exception {
    try (RevocationStore store = RevocationStore.open(state, InstantSource.system())) {
      Instant at = Instant.now();
      var issuer = new X500Principal("CN=" + "a".repeat(2000));
      List<RevokedCertificate> many = new ArrayList<>();
      for (int i = 1; i <= 13_000; i++) {
        many.add(
            new RevokedCertificate(
                issuer,
                BigInteger.valueOf(i),
                RevocationReason.SUPERSEDED,
                at,
                at.plusSeconds(3600),
                ""));
      }

      assertThatThrownBy(() -> store.revoke(many))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("would make a revocation list of up to");

      assertThat(store.isEmpty()).isTrue();
      assertThat(store.revoke(many.subList(0, 11_000))).isPresent();
    }
  }

  @Test
  void whatIsRevokedIsRevokedAfterARestart() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(identity(WEB, RevocationReason.KEY_COMPROMISE), () -> List.of(certificate(7)));
      store.revoke(List.of(certificate(8)));
    }
    try (RevocationStore store = open()) {
      assertThat(store.list().lists(WEB)).isTrue();
      assertThat(store.list().lists("spiffe://cluster.local/ns/shop/sa/web")).isTrue();
      assertThat(store.list().lists(ISSUER, BigInteger.valueOf(7))).isTrue();
      assertThat(store.list().lists(ISSUER, BigInteger.valueOf(8))).isTrue();
      assertThat(store.list().size()).isEqualTo(4);
      assertThat(store.certificates()).extracting(RevokedCertificate::identity).contains(WEB);
      assertThat(store.identities().getFirst().reason()).isEqualTo(RevocationReason.KEY_COMPROMISE);
    }
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
        .isEqualTo("rw-------");
  }

  @Test
  void numbersGrowOverRestartsAlsoWhenTheClockGoesBack() throws Exception {
    long last;
    try (RevocationStore store = open()) {
      last = store.revoke(List.of(certificate(1))).orElseThrow();
      assertThat(last).isGreaterThanOrEqualTo(now.getEpochSecond());
    }
    now = now.minus(Duration.ofDays(300));
    try (RevocationStore store = open()) {
      assertThat(store.number()).isGreaterThan(last);
      assertThat(store.revoke(List.of(certificate(2))).orElseThrow()).isGreaterThan(last + 1);
    }
  }

  @Test
  void anOlderCopyOfTheStateGoesOnAboveWhatWorkloadsHaveSeen() throws Exception {
    byte[] copy;
    long seen;
    try (RevocationStore store = open()) {
      copy = Files.readAllBytes(file());
      seen = store.revoke(List.of(certificate(1))).orElseThrow();
    }
    Files.write(file(), copy);
    now = now.plus(Duration.ofMinutes(1));
    try (RevocationStore store = open()) {
      assertThat(store.number()).isGreaterThan(seen);
    }
  }

  @Test
  void liftedIdentityIsNotRevokedAndItsLeavesStayRevoked() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(identity(WEB, RevocationReason.SUPERSEDED), () -> List.of(certificate(7)));

      assertThat(store.lift(WEB)).isPresent();

      assertThat(store.isRevoked(WEB)).isFalse();
      assertThat(store.list().lists(ISSUER, BigInteger.valueOf(7))).isTrue();
      assertThat(store.lift(WEB)).isEmpty();
    }
    try (RevocationStore store = open()) {
      assertThat(store.isRevoked(WEB)).isFalse();
      assertThat(store.list().size()).isOne();
    }
  }

  @Test
  void leavesOnHoldAreLiftedWithTheirIdentity() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(
          identity(WEB, RevocationReason.CERTIFICATE_HOLD),
          () -> List.of(certificate(7, RevocationReason.CERTIFICATE_HOLD, now)));

      store.lift(WEB);

      assertThat(store.list().size()).isZero();
    }
  }

  @Test
  void expiredCertificatesAreDroppedAfterOneMoreListAndIdentitiesNever() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(
          identity(WEB, RevocationReason.SUPERSEDED),
          () -> List.of(certificate(7, RevocationReason.SUPERSEDED, now.plusSeconds(60))));
      now = now.plus(Duration.ofHours(1));
      store.reissue();
      assertThat(store.list().lists(ISSUER, BigInteger.valueOf(7))).isTrue();

      now = now.plus(Duration.ofHours(1));
      store.reissue();

      assertThat(store.list().lists(ISSUER, BigInteger.valueOf(7))).isFalse();
      assertThat(store.list().lists(WEB)).isTrue();
    }
  }

  @Test
  void damagedFileIsRefusedAndLeftAsItIs() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(List.of(certificate(1), certificate(2)));
    }
    byte[] damaged = Files.readAllBytes(file());
    damaged[damaged.length / 2] ^= 1;
    Files.write(file(), damaged);

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("revocations.log:")
        .hasMessageContaining("is damaged");
    assertThat(Files.readAllBytes(file())).isEqualTo(damaged);
  }

  @Test
  void lastLineThatWasNotWrittenWholeIsDropped() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(List.of(certificate(1)));
    }
    Files.writeString(
        file(), "certificate MBExDz", StandardCharsets.US_ASCII, StandardOpenOption.APPEND);

    try (RevocationStore store = open()) {
      store.revoke(List.of(certificate(2)));
    }
    try (RevocationStore store = open()) {
      assertThat(store.certificates()).hasSize(2);
    }
  }

  @Test
  void fileOpenToOthersIsRefused() throws Exception {
    open().close();
    Files.setPosixFilePermissions(file(), PosixFilePermissions.fromString("rw-r--r--"));

    assertThatThrownBy(this::open)
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("is open to others");
  }

  @Test
  void whatCannotBeWrittenIsNotRevoked() throws Exception {
    RevocationStore store = open();
    long number = store.number();
    store.close();

    assertThatThrownBy(() -> store.revoke(List.of(certificate(1)))).isInstanceOf(IOException.class);
    assertThat(store.number()).isEqualTo(number);
    assertThat(store.list().size()).isZero();
  }

  @Test
  void fileIsWrittenAnewWhenMostOfItIsPast() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(List.of(certificate(1)));
      for (int i = 0; i < 1_200; i++) {
        store.reissue();
      }
      assertThat(Files.readAllLines(file())).hasSizeLessThan(300);
    }
    try (RevocationStore store = open()) {
      assertThat(store.list().lists(ISSUER, BigInteger.ONE)).isTrue();
    }
  }

  @Test
  void secondRevocationChangesNothing() throws Exception {
    try (RevocationStore store = open()) {
      store.revoke(List.of(certificate(1)));
      long number = store.number();

      assertThat(store.revoke(List.of(certificate(1)))).isEmpty();
      assertThat(store.number()).isEqualTo(number);
    }
  }

  @Test
  void hundredThousandRevocationsStartAndChangeFast() throws Exception {
    List<RevokedCertificate> many = new ArrayList<>();
    for (int i = 1; i <= 100_000; i++) {
      many.add(certificate(i));
    }
    try (RevocationStore store = open()) {
      store.revoke(many);
    }
    long start = System.nanoTime();
    try (RevocationStore store = open()) {
      long opened = System.nanoTime();
      store.revoke(List.of(certificate(200_000)));
      long revoked = System.nanoTime();
      assertThat(store.list().size()).isEqualTo(100_001);
      assertThat(Duration.ofNanos(opened - start)).isLessThan(Duration.ofSeconds(20));
      assertThat(Duration.ofNanos(revoked - opened)).isLessThan(Duration.ofSeconds(5));
    }
  }

  @Test
  void changesAfterANumberAreRememberedUntilTheyAreTooMany() throws Exception {
    try (RevocationStore store = open()) {
      long first = store.number();
      store.revoke(List.of(certificate(1)));
      store.revoke(List.of(certificate(2)));

      assertThat(store.changesAfter(first).orElseThrow()).hasSize(2);
      assertThat(store.changesAfter(store.number()).orElseThrow()).isEmpty();
      assertThat(store.changesAfter(first - 1_000)).isEmpty();
      assertThat(store.changesAfter(store.number() + 1)).isEmpty();
      for (int i = 0; i < 300; i++) {
        store.reissue();
      }
      assertThat(store.changesAfter(first)).isEmpty();
    }
  }

  private Path file() {
    return state.resolve("revocations.log");
  }

  private RevocationStore open() throws Exception {
    return RevocationStore.open(state, () -> now);
  }

  private RevokedIdentity identity(String name, RevocationReason reason) {
    return new RevokedIdentity(name, reason, now);
  }

  private RevokedCertificate certificate(long serial) {
    return certificate(serial, RevocationReason.SUPERSEDED, now.plus(Duration.ofDays(1)));
  }

  private RevokedCertificate certificate(long serial, RevocationReason reason, Instant notAfter) {
    return new RevokedCertificate(ISSUER, BigInteger.valueOf(serial), reason, now, notAfter, WEB);
  }
}
