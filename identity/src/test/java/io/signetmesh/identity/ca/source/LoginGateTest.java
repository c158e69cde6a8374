package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.ca.source.RefusedMaterialException.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import javax.security.auth.login.FailedLoginException;
import javax.security.auth.login.LoginException;
import org.junit.jupiter.api.Test;

class LoginGateTest {
  private static final byte[] STALE = "1111\n".getBytes(StandardCharsets.UTF_8);
  private static final byte[] FRESH = "2222\n".getBytes(StandardCharsets.UTF_8);

  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final LoginGate gate = new LoginGate(() -> now);
  private final RefusedMaterialException refusal =
      new RefusedMaterialException(Reason.UNREADABLE, "the token does not open");

  @Test
  void refusedPinIsNotTriedAgainUntilTheFileHasAnother() {
    gate.failed(STALE, true, refusal);
    now = now.plus(Duration.ofDays(30));

    assertThatThrownBy(() -> gate.require(STALE)).isSameAs(refusal);
    assertThatCode(() -> gate.require(FRESH)).doesNotThrowAnyException();
  }

  @Test
  void tokenThatFailedOtherwiseIsLeftAloneForHalfAMinute() {
    gate.failed(STALE, false, refusal);
    now = now.plusSeconds(29);
    assertThatThrownBy(() -> gate.require(STALE)).isSameAs(refusal);
    assertThatThrownBy(() -> gate.require(FRESH)).isSameAs(refusal);

    now = now.plusSeconds(1);

    assertThatCode(() -> gate.require(STALE)).doesNotThrowAnyException();
  }

  @Test
  void tokenThatWasOpenedMayBeAskedAgainAtOnce() {
    gate.failed(STALE, false, refusal);
    gate.opened();

    assertThatCode(() -> gate.require(STALE)).doesNotThrowAnyException();
  }

  @Test
  void onlyWhatCountsTowardsTheLockIsARefusedPin() {
    assertThat(LoginGate.isPinRefused(new IOException("load failed", new FailedLoginException())))
        .isTrue();
    LoginException locked = new LoginException();
    locked.initCause(new IllegalStateException("CKR_PIN_LOCKED"));
    assertThat(LoginGate.isPinRefused(new IOException("load failed", locked))).isTrue();
    LoginException removed = new LoginException();
    removed.initCause(new IllegalStateException("CKR_DEVICE_REMOVED"));
    assertThat(LoginGate.isPinRefused(new IOException("load failed", removed))).isFalse();
  }
}
