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

  @Test
  void aTargetInAbsoluteFormReplacesTheHost() {
    RequestHead head =
        RequestHead.of(
            new Call(CallProtocol.HTTP1, "GET", "http://api.shop:80/a?b", "web", List.of()),
            CallProtocol.HTTP1,
            "web");
    assertThat(head).isNotNull();
    assertThat(head.request()).isEqualTo(new Answer.Request("GET", "/a?b", "api.shop:80"));
  }

  @Test
  void whatIsNoTargetHasNoHead() {
    for (String path : List.of("a", "*", "/a b", "/a#b", "http://user@web/", "https://web/")) {
      Call call = new Call(CallProtocol.HTTP1, "GET", path, null, List.of());
      assertThat(RequestHead.of(call, CallProtocol.HTTP1, "web")).as(path).isNull();
    }
    Call absolute = new Call(CallProtocol.HTTP2, "GET", "http://web/", null, List.of());
    assertThat(RequestHead.of(absolute, CallProtocol.HTTP2, "web")).isNull();
  }

  private static RequestHead head(String... headers) {
    List<Call.Header> parsed = Arrays.stream(headers).map(Call.Header::parse).toList();
    Call call = new Call(CallProtocol.HTTP1, "GET", "/", null, parsed);
    RequestHead head = RequestHead.of(call, CallProtocol.HTTP1, "web");
    assertThat(head).isNotNull();
    return head;
  }
}
