package io.signetmesh.identity.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.signetmesh.identity.attest.AttestationException.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JoinTokensTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final String WEB = "web.shop.serviceaccount.identity.signet.cluster.local";
  private static final Duration HOUR = Duration.ofHours(1);

  @TempDir Path state;

  private Instant now = START;
  private final InstantSource clock = () -> now;
  private JoinTokens tokens;

  @BeforeEach
  void open() throws Exception {
    tokens = JoinTokens.open(state, "signet", "cluster.local", clock);
  }

  @AfterEach
  void close() {
    tokens.close();
  }

  @Test
  void aTokenProvesTheIdentityThatItWasMadeForOnce() throws Exception {
    String secret = create();

    Attested attested = attest(secret);
    attested.use().commit();

    assertThat(attested.identity().dnsName()).isEqualTo(WEB);
    assertThat(attested.kind()).isEqualTo("join-token");
    assertThat(attested.attestedAt()).isEqualTo(START);
    assertThat(refused(secret, Reason.JOIN_USED)).hasMessageContaining("was used at " + START);
  }

  @Test
  void aTokenThatWasOnlyLookedAtIsNotUsedUp() throws Exception {
    String secret = create();

    attest(secret);

    attest(secret).use().commit();
  }

  @Test
  void aRevocationThatCannotBeStoredIsNoRevocation() throws Exception {
    create();
    tokens.close();

    assertThatThrownBy(() -> tokens.revoke(token -> true)).isInstanceOf(IOException.class);

    assertThat(tokens.list())
        .extracting(JoinTokens.Token::state)
        .containsExactly(JoinTokens.State.UNUSED);
  }

  @Test
  void ofManyThatUseATokenAtOnceOneSucceeds() throws Exception {
    String secret = create();
    List<Callable<Boolean>> uses = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      Attested attested = attest(secret);
      uses.add(
          () -> {
            try {
              attested.use().commit();
              return true;
            } catch (AttestationException e) {
              assertThat(e.reason()).isEqualTo(Reason.JOIN_USED);
              return false;
            }
          });
    }
    int succeeded = 0;
    try (var threads = Executors.newFixedThreadPool(8)) {
      for (Future<Boolean> use : threads.invokeAll(uses)) {
        succeeded += use.get() ? 1 : 0;
      }
    }
    assertThat(succeeded).isEqualTo(1);
  }

  @Test
  void aUseOutlivesACrashOfTheProcess() throws Exception {
    String secret = create();
    attest(secret).use().commit();

    // Opened beside it: what a crash leaves.
    try (JoinTokens next = JoinTokens.open(state, "signet", "cluster.local", clock)) {
      AttestationException refused =
          catchThrowableOfType(
              AttestationException.class, () -> next.attest(Evidence.of(bytes(secret))));
      assertThat(refused.reason()).isEqualTo(Reason.JOIN_USED);
    }
  }

  @Test
  void aTokenOutlivesARestart() throws Exception {
    String secret = create();
    tokens.close();

    open();

    attest(secret).use().commit();
  }

  @Test
  void anExpiredTokenIsRefusedAlsoBetweenLookingAndUsing() throws Exception {
    String secret = create();
    Attested attested = attest(secret);

    now = START.plus(HOUR).plusSeconds(1);

    refused(secret, Reason.EXPIRED);
    assertThatThrownBy(() -> attested.use().commit())
        .isInstanceOf(AttestationException.class)
        .hasMessageContaining("expired at");
  }

  @Test
  void aRevokedTokenIsRefusedAfterARestartToo() throws Exception {
    String secret = create();
    String id = tokens.list().getFirst().id();

    assertThat(tokens.revoke(token -> token.id().equals(id))).hasSize(1);
    refused(secret, Reason.JOIN_REVOKED);
    tokens.close();
    open();
    refused(secret, Reason.JOIN_REVOKED);
    assertThat(tokens.revoke(token -> token.id().equals(id))).isEmpty();
  }

  @Test
  void guessesAndChangedTokensAreRefusedWithoutQuotingThem() throws Exception {
    String secret = create();
    String changed = secret.substring(0, secret.length() - 4) + "AAAA";

    assertThat(refused(changed, Reason.JOIN_UNKNOWN)).message().doesNotContain(changed);
    refused("signet-join-0123456789abcdef-" + "A".repeat(43), Reason.JOIN_UNKNOWN);
    refused("signet-join-x", Reason.MALFORMED);
    refused(secret + "A".repeat(100), Reason.MALFORMED);
    attest(secret + "\n").use().commit();
  }

  @Test
  void attemptsOfAnAddressAreLimitedAndThoseOfOthersAreNot() {
    for (int i = 0; i < AttemptLimit.BURST; i++) {
      refusedFrom("10.0.0.1:" + i, "signet-join-0123456789abcdef-guess", Reason.JOIN_UNKNOWN);
    }

    String guess = "signet-join-0123456789abcdef-guess";
    refusedFrom("10.0.0.1:99", guess, Reason.ATTEMPTS);
    refusedFrom("10.0.0.2:1", guess, Reason.JOIN_UNKNOWN);
    now = now.plusSeconds(2);
    refusedFrom("10.0.0.1:99", guess, Reason.JOIN_UNKNOWN);
  }

  @Test
  void aGoodTokenIsTakenThoughNeighboursAtItsAddressGuess() throws Exception {
    String secret = create();
    for (int i = 0; i < AttemptLimit.BURST; i++) {
      refusedFrom("10.0.0.1:" + i, "signet-join-0123456789abcdef-guess", Reason.JOIN_UNKNOWN);
    }

    tokens.attest(new Evidence(bytes(secret), null, "10.0.0.1:99")).use().commit();

    refusedFrom("10.0.0.1:99", secret, Reason.ATTEMPTS);
  }

  @Test
  void addressesOfOneIpv6NetworkCountTogether() {
    AttemptLimit limit = new AttemptLimit(clock);
    for (int i = 0; i < AttemptLimit.BURST; i++) {
      limit.failed("2001:db8:0:1:0:0:0:" + i + ":443");
    }

    assertThat(limit.mayTry("2001:db8:0:1:9:9:9:9:443")).isFalse();
    assertThat(limit.mayTry("2001:db8:0:2:0:0:0:1:443")).isTrue();
  }

  @Test
  void theStateDirectoryHoldsNoSecret() throws Exception {
    String secret = create();
    Path file = state.resolve("join-tokens.log");

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(Files.readString(file)).doesNotContain(secret.substring(secret.length() - 20));
    assertThat(tokens.create(WEB, HOUR, 1).toString()).doesNotContain("signet-join-");
  }

  @Test
  void valuesOutOfRangeAreRefused() {
    assertInvalid(WEB, Duration.ZERO, 1, "more than 0, at most 7 days");
    assertInvalid(WEB, Duration.ofDays(7).plusSeconds(1), 1, "more than 0, at most 7 days");
    assertInvalid(WEB, HOUR, 0, "expected 1 to 1000");
    assertInvalid(WEB, HOUR, 1001, "expected 1 to 1000");
    assertInvalid(
        "web.shop.serviceaccount.identity.signet.other.domain", HOUR, 1, "one of this mesh");
    assertInvalid("web", HOUR, 1, "web");
  }

  @Test
  void tokensAreForgottenAWeekAfterTheirEnd() throws Exception {
    String secret = create();
    attest(secret).use().commit();

    now = START.plus(Duration.ofDays(7)).plusSeconds(2);
    tokens.create(WEB, HOUR, 1);

    assertThat(tokens.list()).hasSize(1);
    refused(secret, Reason.JOIN_UNKNOWN);
  }

  @Test
  void whenTheFileCannotBeWrittenAnewTokensAreMadeAndKnownAfterARestart() throws Exception {
    tokens.create(WEB, HOUR, 200);
    now = START.plus(Duration.ofDays(8));
    Path inTheWay = state.resolve(".join-tokens.log.new");
    Files.createDirectories(inTheWay.resolve("not-empty"));

    String secret = create();

    assertThat(tokens.list()).hasSize(1);
    tokens.close();
    Files.delete(inTheWay.resolve("not-empty"));
    tokens = JoinTokens.open(state, "signet", "cluster.local", clock);
    assertThat(tokens.list()).hasSize(1);
    attest(secret).use().commit();
  }

  private String create() throws Exception {
    return tokens.create(WEB, HOUR, 1).getFirst().secret();
  }

  private Attested attest(String token) throws AttestationException {
    return tokens.attest(Evidence.of(bytes(token)));
  }

  private AttestationException refused(String token, Reason reason) {
    return refusedFrom("unknown", token, reason);
  }

  private AttestationException refusedFrom(String address, String token, Reason reason) {
    AttestationException refused =
        catchThrowableOfType(
            AttestationException.class,
            () -> tokens.attest(new Evidence(bytes(token), null, address)));
    assertThat(refused).isNotNull();
    assertThat(refused.reason()).isEqualTo(reason);
    return refused;
  }

  private void assertInvalid(String identity, Duration lifetime, int count, String why) {
    assertThatThrownBy(() -> tokens.create(identity, lifetime, count))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(why);
  }

  private static byte[] bytes(String token) {
    return token.getBytes(StandardCharsets.ISO_8859_1);
  }
}
