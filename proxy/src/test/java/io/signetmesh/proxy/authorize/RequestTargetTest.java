package io.signetmesh.proxy.authorize;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RequestTargetTest {
  @ParameterizedTest
  @CsvSource({
    "GET, /a?b=http://c/, , /a?b=http://c/",
    "OPTIONS, *, , *",
    "GET, http://web.shop, web.shop, /",
    "GET, HTTP://Web.Shop.:8080/a, Web.Shop.:8080, /a",
    "GET, http://web?q, web, /?q",
    "GET, http://[fd00::1]:80/a, [fd00::1]:80, /a",
    "CONNECT, web.shop:443, web.shop:443, /"
  })
  void formsAreToldApart(String method, String target, @Nullable String authority, String path) {
    assertThat(RequestTarget.of(method, target)).isEqualTo(new RequestTarget(authority, path));
  }

  @ParameterizedTest
  @CsvSource({
    "GET, ''",
    "GET, *",
    "GET, a",
    "GET, https://web/",
    "GET, http:///a",
    "GET, http://user@web/",
    "GET, http://web:port/",
    "GET, web:443",
    "CONNECT, /",
    "CONNECT, ''",
    "CONNECT, user@web:443"
  })
  void whatHasNoKnownFormIsNone(String method, String target) {
    assertThat(RequestTarget.of(method, target)).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ":80", "a:", "a b", "a,b", "a@b", "a/b", "a%2e", "a..b", ".a", "[::1", "a:8x"})
  void whatIsReadInSeveralWaysIsNoAuthority(String text) {
    // An empty port (RFC 3986 3.2.3) is one that all readers leave out.
    assertThat(RequestTarget.isAuthority(text)).isEqualTo(text.equals("a:"));
  }

  @Test
  void reasonsHaveTheStatusThatClientsGet() {
    assertThat(RefusalStatus.of(Reason.UNSAFE_PATH)).isEqualTo(RefusalStatus.BAD_REQUEST);
    assertThat(RefusalStatus.of(Reason.PROTOCOL_ERROR)).isEqualTo(RefusalStatus.BAD_REQUEST);
    assertThat(RefusalStatus.of(Reason.NO_ROUTE)).isEqualTo(RefusalStatus.NO_ROUTE);
    assertThat(RefusalStatus.of(Reason.RATE_LIMITED)).isEqualTo(RefusalStatus.RATE_LIMITED);
    for (Reason reason :
        List.of(Reason.IDENTITY_MISMATCH, Reason.NO_AUTHORIZATION, Reason.INVALID_POLICY)) {
      assertThat(RefusalStatus.of(reason)).isEqualTo(RefusalStatus.UNAUTHORIZED);
    }
    assertThat(RefusalStatus.UNAUTHORIZED.http()).isEqualTo(403);
    assertThat(RefusalStatus.UNAUTHORIZED.grpc()).isEqualTo(7);
    assertThat(RefusalStatus.RATE_LIMITED.http()).isEqualTo(429);
    assertThat(RefusalStatus.RATE_LIMITED.grpc()).isEqualTo(8);
    assertThat(RefusalStatus.NO_ROUTE.http()).isEqualTo(404);
    assertThat(RefusalStatus.NO_ROUTE.grpc()).isEqualTo(5);
    assertThat(RefusalStatus.BAD_REQUEST.http()).isEqualTo(400);
    assertThat(RefusalStatus.BAD_REQUEST.grpc()).isEqualTo(3);
  }
}
