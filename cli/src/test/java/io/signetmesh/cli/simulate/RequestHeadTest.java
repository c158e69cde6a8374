package io.signetmesh.cli.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RequestHeadTest {
  @Test
  void tellsHeadersWhoseValuesDiffer() {
    RequestHead head = head("X-Op: read", "x-op: write", "x-tier: gold", "X-Tier: gold");

    assertThat(head.header("x-op")).isEqualTo("read");
    assertThat(head.repeats("x-op")).isTrue();
    assertThat(head.repeats("x-tier")).isFalse();
    assertThat(head.repeats("x-none")).isFalse();
    assertThat(head.withPath("/other").repeats("x-op")).isTrue();
  }

  @Test
  void joinsCookies() {
    RequestHead head = head("cookie: a=1", "Cookie: b=2");

    assertThat(head.header("cookie")).isEqualTo("a=1; b=2");
    assertThat(head.repeats("cookie")).isFalse();
  }

  private static RequestHead head(String... headers) {
    List<Call.Header> parsed = Arrays.stream(headers).map(Call.Header::parse).toList();
    Call call = new Call(CallProtocol.HTTP1, "GET", "/", null, parsed);
    RequestHead head = RequestHead.of(call, CallProtocol.HTTP1, "web");
    assertThat(head).isNotNull();
    return head;
  }
}
