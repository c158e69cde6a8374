package io.signetmesh.cli.simulate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
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
  void blanksAroundAValueAreLeftOutWithHttp1AndRefusedWithHttp2() {
    for (String value : List.of(" a", "a ", "\ta", "a \t")) {
      Call call = new Call(null, "GET", "/", "web", List.of(new Call.Header("x-role", value)));
      RequestHead http1 = RequestHead.of(call, CallProtocol.HTTP1, "web");
      assertThat(http1.flaw()).isNull();
      assertThat(http1.header("x-role")).isEqualTo("a");
      for (CallProtocol protocol : List.of(CallProtocol.HTTP2, CallProtocol.GRPC)) {
        assertThat(RequestHead.of(call, protocol, "web").flaw()).contains("x-role");
      }
    }
    assertThat(flaw(CallProtocol.HTTP2, "GET", "/a ", null)).contains("path");
  }

  private static @Nullable String flaw(
      CallProtocol protocol, String method, @Nullable String path, @Nullable String host) {
    return RequestHead.of(new Call(protocol, method, path, host, List.of()), protocol, "web")
        .flaw();
  }

  @Test
  void anEmptyHostNamesNone() {
    assertThat(flaw(CallProtocol.HTTP1, "GET", "/", "")).isNull();
    assertThat(flaw(CallProtocol.HTTP2, "GET", "/", "")).contains("host");
    Call call = new Call(null, "GET", "/", null, List.of(new Call.Header("host", "")));
    for (CallProtocol protocol : List.of(CallProtocol.HTTP1, CallProtocol.HTTP2)) {
      RequestHead head = RequestHead.of(call, protocol, "web");
      assertThat(head.flaw()).isNull();
      assertThat(head.authority()).asString().isEmpty();
      for (String host : List.of("<a>", "\"a\"", "a|b", "[::1", "a:99999")) {
        assertThat(flaw(protocol, "GET", "/", host)).as(host).contains("host");
      }
    }
  }

  @Test
  void maxForwardsCountsWithTraceAndOptions() {
    for (String method : List.of("TRACE", "OPTIONS")) {
      assertThat(counts(method, "0")).isTrue();
      assertThat(counts(method)).isTrue();
      assertThat(counts(method, "x")).isFalse();
      assertThat(counts(method, "")).isFalse();
      assertThat(counts(method, "1", "1")).isFalse();
    }
    assertThat(counts("GET", "x")).isTrue();
  }

  private static boolean counts(String method, String... values) {
    List<Call.Header> headers =
        Arrays.stream(values).map(value -> new Call.Header("Max-Forwards", value)).toList();
    return RequestHead.of(new Call(null, method, "/", "web", headers), CallProtocol.HTTP1, "web")
        .countsForwards();
  }

  @Test
  void whatHasNoFormOfATargetIsNoRequest() {
    for (String path : List.of("a", "*", "", "/a b", "http://user@web/", "https://web/")) {
      assertThat(flaw(CallProtocol.HTTP1, "GET", path, null)).as(path).contains("target");
    }
    for (String path : List.of("a", "*", "", "http://web/", "web:80")) {
      assertThat(flaw(CallProtocol.HTTP2, "GET", path, null)).as(path).contains("path");
    }
    for (CallProtocol protocol : List.of(CallProtocol.HTTP1, CallProtocol.HTTP2)) {
      assertThat(flaw(protocol, "OPTIONS", "*", null)).isNull();
      assertThat(flaw(protocol, "GET", "/a#b", null)).as("left to the path").isNull();
    }
  }

  @Test
  void connectHasAnAuthorityAndIsForHttp1() {
    assertThat(flaw(CallProtocol.HTTP1, "CONNECT", "web:80", null)).isNull();
    assertThat(flaw(CallProtocol.HTTP1, "CONNECT", null, null)).isNull();
    assertThat(flaw(CallProtocol.HTTP1, "CONNECT", "/", null)).contains("target");
    assertThat(flaw(CallProtocol.HTTP1, "CONNECT", "web", null)).contains("target");
    assertThat(flaw(CallProtocol.HTTP2, "CONNECT", "web:80", null)).contains("CONNECT");
    assertThat(flaw(CallProtocol.HTTP2, "CONNECT", "/", null)).contains("CONNECT");
    RequestHead head =
        RequestHead.of(
            new Call(CallProtocol.HTTP1, "CONNECT", "db:5432", null, List.of()),
            CallProtocol.HTTP1,
            "web");
    assertThat(head.request()).isEqualTo(new Answer.Request("CONNECT", "/", "db:5432"));
  }

  @Test
  void whatIsNoHostNoMethodOrNoHeaderIsNoRequest() {
    for (CallProtocol protocol :
        List.of(CallProtocol.HTTP1, CallProtocol.HTTP2, CallProtocol.GRPC)) {
      for (String host : List.of("u@h", "a b", "h:x", ".web", "a,b", "w\u00e9b")) {
        assertThat(flaw(protocol, "POST", "/", host)).as(host).contains("host");
      }
      for (String method : List.of("", "GE T", "G\u00cbT", "GET:", "GET\n")) {
        assertThat(flaw(protocol, method, "/", null)).as(method).contains("method");
      }
      for (Call.Header header :
          List.of(
              new Call.Header("a b", "c"),
              new Call.Header("x-\u00e9", "c"),
              new Call.Header("x-a", "b\r\nx-b: c"),
              new Call.Header("x-a", "\u0000"))) {
        Call call = new Call(protocol, "POST", "/", null, List.of(header));
        assertThat(RequestHead.of(call, protocol, "web").flaw()).as("%s", header).isNotNull();
      }
    }
  }

  @Test
  void aHostMayBeSaidTwiceInHttp2Only() {
    List<Call.Header> again = List.of(new Call.Header("Host", "WEB"));
    assertThat(
            RequestHead.of(
                    new Call(CallProtocol.HTTP2, "GET", "/", "web", again), CallProtocol.HTTP2, "x")
                .flaw())
        .isNull();
    assertThat(
            RequestHead.of(
                    new Call(CallProtocol.HTTP2, "GET", "/", "api", again), CallProtocol.HTTP2, "x")
                .flaw())
        .contains("hosts");
    assertThat(
            RequestHead.of(
                    new Call(CallProtocol.HTTP1, "GET", "/", "web", again), CallProtocol.HTTP1, "x")
                .flaw())
        .contains("hosts");
  }

  private static RequestHead head(String... headers) {
    List<Call.Header> parsed = Arrays.stream(headers).map(Call.Header::parse).toList();
    Call call = new Call(CallProtocol.HTTP1, "GET", "/", null, parsed);
    RequestHead head = RequestHead.of(call, CallProtocol.HTTP1, "web");
    assertThat(head).isNotNull();
    return head;
  }
}
