package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Heads and chunks of many forms, sent byte for byte. What a form is says an oracle that is written
 * down from the grammar of RFC 9112 and RFC 3986.
 */
@Timeout(120)
class Http1GrammarTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);
  private static final int MIXED = 500;

  // ---- the oracle

  private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  private static final String VISIBLE = "[\\x21-\\x7e\\x80-\\xff]";
  private static final Pattern HEAD =
      Pattern.compile(
          "(?:\r\n){0,4}(?<method>"
              + TOKEN
              + ") (?<target>[\\x21\\x22\\x24-\\x7e\\x80-\\xff]+) HTTP/1\\.(?<minor>[01])\r\n"
              + "(?<fields>(?:"
              + TOKEN
              + ":[ \t]*(?:"
              + VISIBLE
              + "(?:[ \t\\x21-\\x7e\\x80-\\xff]*"
              + VISIBLE
              + ")?)?[ \t]*\r\n)*)\r\n");
  private static final String LABEL = "[A-Za-z0-9_~!$&'()*+;=-]+";
  private static final String H16 = "[0-9A-Fa-f]{1,4}";
  private static final String AUTHORITY =
      "(?:"
          + LABEL
          + "(?:\\."
          + LABEL
          + ")*\\.?|\\[(?:(?:"
          + H16
          + ":){7}"
          + H16
          + "|(?:"
          + H16
          + "(?::"
          + H16
          + "){0,5})?::(?:"
          + H16
          + "(?::"
          + H16
          + "){0,5})?)])(?::[0-9]{0,4})?";
  private static final Pattern HOST = Pattern.compile("(?:" + AUTHORITY + ")?");
  private static final Pattern ABSOLUTE =
      Pattern.compile("(?i:http)://" + AUTHORITY + "(?:[/?]" + VISIBLE + "*)?");

  private static boolean isRequest(String raw) {
    Matcher head = HEAD.matcher(raw);
    if (!head.matches()) {
      return false;
    }
    String target = head.group("target");
    boolean known =
        target.startsWith("/")
            || (target.equals("*") && head.group("method").equals("OPTIONS"))
            || ABSOLUTE.matcher(target).matches();
    List<String> hosts = new ArrayList<>();
    for (String field : head.group("fields").split("\r\n")) {
      if (field.regionMatches(true, 0, "host:", 0, 5)) {
        hosts.add(field.substring(5).strip());
      }
    }
    boolean oneHost =
        hosts.size() == 1
            ? HOST.matcher(hosts.getFirst()).matches()
            : hosts.isEmpty() && head.group("minor").equals("0");
    return known && oneHost;
  }

  // ---- heads

  private static final List<List<String>> PARTS =
      List.of(
          List.of("", "\r\n", "\r\n\r\n", "\r\n".repeat(5), "\n", "\r", " ", "\t", "\u000b", "\0"),
          List.of("GET", "OPTIONS", "M-SEARCH", "get", "", "G@T", "G(T", "G\u0001T", "G\u00e9T"),
          List.of(" ", "  ", "\t", "\u000b", "\f", " \t", "\t ", "\r", " \r", ""),
          List.of(
              "/",
              "/a?b=c",
              "*",
              "http://w/",
              "http://w",
              "HTTP://w:80?q",
              "http://[::1]:80/x",
              "http:///x",
              "http://u@w/",
              "http://<w>/",
              "https://w/",
              "a",
              "w:80",
              "/a\tb",
              "/a\u000bb",
              "/a\fb",
              "/a b",
              "/a#b",
              ""),
          List.of(" ", "  ", "\t", "\u000b", "\f", " \t", "\r", ""),
          List.of(
              "HTTP/1.1",
              "HTTP/1.0",
              "http/1.1",
              "Http/1.1",
              "HTTP/1.2",
              "HTTP/2.0",
              "HTTP/01.1",
              "HTTP/1.10",
              "HTTP/1",
              "HTTP/1.1 ",
              "HTTP/1.1\t",
              "HTTP /1.1",
              "HTTP/1.\u0661",
              ""),
          List.of("\r\n", "\n", "\r\r\n", "\r", " \r\n"),
          List.of(
              "Host: w\r\n",
              "host:w\r\n",
              "HOST: \t w.x. \t\r\n",
              "Host: a:80\r\n",
              "Host: a:\r\n",
              "Host: [::1]\r\n",
              "Host: [fd00::1:2]:80\r\n",
              "Host: [1:2:3:4:5:6:7:8]\r\n",
              "Host:\r\n",
              "Host: \r\n",
              "",
              "Host: w\r\nHost: w\r\n",
              "Host: w\r\nhost:\r\n",
              "Host: <a>\r\n",
              "Host: \"a\"\r\n",
              "Host: a b\r\n",
              "Host: a, b\r\n",
              "Host: a:b\r\n",
              "Host: :80\r\n",
              "Host: a:80:80\r\n",
              "Host: [::g]\r\n",
              "Host: [::1\r\n",
              "Host: ::1\r\n",
              "Host: [1:2:3:4:5:6:7:8:9]\r\n",
              "Host: [1::2::3]\r\n",
              "Host: [:1]\r\n",
              "Host: []\r\n",
              "Host: [::1]a\r\n",
              "Host: a[::1]\r\n",
              "Host: a/b\r\n",
              "Host: u@a\r\n",
              "Host: a?b\r\n",
              "Host: a#b\r\n",
              "Host: a\\b\r\n",
              "Host: a|b\r\n",
              "Host: a^b\r\n",
              "Host: {a}\r\n",
              "Host: a`b\r\n",
              "Host: a%41\r\n",
              "Host: a..b\r\n",
              "Host: .a\r\n",
              "Host: a\u00e9\r\n",
              "Host : w\r\n",
              " Host: w\r\n",
              "Host: w\n",
              "Host: w\r\r\n"),
          List.of(
              "",
              "x: y\r\n",
              "x:y\r\n",
              "x:\r\n",
              "x: a \t b\r\n",
              "x: \u00e9\r\n",
              "x!#$: y\r\n",
              "x: \u0001\r\n",
              "x: a\rb\r\n",
              "x: a\r\r\n",
              "x: \ry\r\n",
              "x: a\0b\r\n",
              "x: a\u007fb\r\n",
              "x: \u000by\r\n",
              "x: y\f\r\n",
              "x y: z\r\n",
              "x\t: y\r\n",
              "x\u000b: y\r\n",
              "x\r\n",
              ": y\r\n",
              "x: y\r\n z\r\n",
              "x: y\r\n\tz\r\n",
              "\tx: y\r\n",
              "x: y\n",
              "(x): y\r\n",
              "x\u00e9: y\r\n",
              "\r: y\r\n"),
          List.of("\r\n", "\n", "\r\r\n"));

  /** Each part in each of its forms, the others plain; and mixtures with a few odd parts. */
  private static Set<String> heads() {
    Set<String> heads = new LinkedHashSet<>();
    for (int varied = 0; varied < PARTS.size(); varied++) {
      for (String form : PARTS.get(varied)) {
        StringBuilder head = new StringBuilder();
        for (int i = 0; i < PARTS.size(); i++) {
          head.append(i == varied ? form : PARTS.get(i).getFirst());
        }
        heads.add(head.toString());
      }
    }
    Random random = new Random(9112);
    while (heads.size() < MIXED) {
      StringBuilder head = new StringBuilder();
      for (List<String> forms : PARTS) {
        head.append(
            random.nextInt(9) > 0 ? forms.getFirst() : forms.get(random.nextInt(forms.size())));
      }
      heads.add(head.toString());
    }
    return heads;
  }

  /** What comes behind a head that does not end, so that an answer comes at once. */
  private static final String REST = "\r\n\r\n";

  @Test
  void aRequestIsForwardedIfAndOnlyIfItsHeadIsOne() throws Exception {
    SoftAssertions all = new SoftAssertions();
    int taken = 0;
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      for (String head : heads()) {
        boolean expected = isRequest(head);
        taken += expected ? 1 : 0;
        int status = status(port, expected ? head : head + REST);
        all.assertThat(status).as(escaped(head)).isEqualTo(expected ? 200 : 400);
        all.assertThat(app.requests).as(escaped(head)).hasSize(expected ? 1 : 0);
        app.requests.clear();
      }
    }
    all.assertAll();
    assertThat(taken).isGreaterThan(30);
  }

  private static int status(int port, String request) throws IOException {
    try (var client = new Http1Client(port)) {
      return client.send(request).response().status();
    }
  }

  private static String escaped(String text) {
    StringBuilder out = new StringBuilder();
    for (char c : text.toCharArray()) {
      if (c > ' ' && c < 0x7f || c == ' ') {
        out.append(c);
      } else {
        out.append("\\x%02x".formatted((int) c));
      }
    }
    return out.toString();
  }

  @Test
  void aHeadThatComesInPiecesIsTheSameHead() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      for (String head :
          List.of(
              "\r\n\r\nGET /a HTTP/1.1\r\nhost: w\r\n\r\n",
              "\r\n\rGET /a HTTP/1.1\r\nhost: w\r\n\r\n",
              "GET /a\tHTTP/1.1\r\nhost: w\r\n\r\n",
              "GET /a http/1.1\r\nhost: w\r\n\r\n")) {
        try (var client = new Http1Client(port)) {
          for (char c : head.toCharArray()) {
            try {
              client.send(String.valueOf(c));
            } catch (IOException e) {
              // The proxy hangs up in the middle.
            }
          }
          assertThat(client.response().status())
              .as(escaped(head))
              .isEqualTo(isRequest(head) ? 200 : 400);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"web", "web:", "web:0", "web:65536", "/", "*", "web:80/", "http://web:80"})
  void connectNamesHostAndPort(String target) throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      String request = "CONNECT " + target + " HTTP/1.1\r\nhost: web:80\r\n\r\n";
      assertThat(status(proxy.inbound(null), request)).isEqualTo(400);
      assertThat(app.requests).isEmpty();
    }
  }

  @Test
  void anEmptyHostNamesNoneOverBothVersions() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      String address = "127.0.0.1:" + app.port();
      int port = proxy.inbound(ProxyFixture.IDENTITY);
      for (String request :
          List.of(
              "GET / HTTP/1.1\r\nhost:\r\n\r\n",
              "GET / HTTP/1.0\r\nhost: \r\n\r\n",
              "GET / HTTP/1.0\r\n\r\n")) {
        assertThat(status(port, request)).isEqualTo(200);
        assertThat(app.request().header("host")).isEqualTo(address);
      }
      try (var client = Http2Peer.client(port)) {
        var head =
            new io.netty.handler.codec.http2.DefaultHttp2Headers(false)
                .method("GET")
                .scheme("http")
                .path("/")
                .add("l5d-orig-proto", "HTTP/1.1");
        client.open(head, true).rest();
        assertThat(app.request().header("host")).isEqualTo(address);
        client.open(head.add("host", ""), true).rest();
        assertThat(app.request().header("host")).isEqualTo(address);
        // HTTP/2 leaves the authority out where there is none (RFC 9113 8.3.1).
        client.open(head.authority(""), true).nextReset();
        client.open(head.authority("web"), true).nextReset();
      }
      assertThat(status(port, "GET http://web/ HTTP/1.1\r\nhost:\r\n\r\n")).isEqualTo(200);
      assertThat(app.request().header("host")).isEqualTo("web");
    }
  }

  // ---- chunks

  private static final String BODY_HEAD =
      "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n";

  private static final Pattern BODY =
      Pattern.compile(
          "0*3(?<ext>(?:;T(?:=(?:T|\"(?:[\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\t \\x21-\\x7e\\x80-\\xff])*\"))?)*)\r\nabc\r\n0+\r\n(?:T:[ \t]*(?:V(?:[ \t]*V)*)?[ \t]*\r\n)*\r\n"
              .replace("T", TOKEN)
              .replace("V", VISIBLE));

  private static Set<String> bodies() {
    List<List<String>> parts =
        List.of(
            List.of("3", "03", "0000003", "+3", "-3", "0x3", " 3", "\t3", "3h", "", "3,", "\r3"),
            List.of(
                "",
                ";a",
                ";a=b",
                ";a=\"b;c\"",
                ";a=\"\\\"\"",
                " ; a = b\t;c",
                ";a=b;c=\"d\"",
                ";",
                ";;",
                ";a=",
                ";=b",
                ";a b",
                ";a=\"b",
                ";a=\"b\"c",
                " ",
                " a",
                ";a\rb",
                ";a=\"\r\"",
                ";a=\"\0\"",
                ";a\u000b",
                ";a\u007f",
                ";" + "a".repeat(1000),
                ";" + "a".repeat(1100),
                ";" + "a".repeat(100_000)),
            List.of("\r\n", "\n", "\r\r\n", "\r"),
            List.of("abc\r\n", "abc\n", "abcd\r\n", "ab\r\n", "abc\r\r\n"),
            List.of("0", "000", "", "0 "),
            List.of("\r\n", "\n", "\r\r\n"),
            List.of(
                "",
                "x: y\r\n",
                "x:\r\n",
                "x: y\r\nz: a\r\n",
                "x y: z\r\n",
                "x : y\r\n",
                "x\r\n",
                ": y\r\n",
                "x: a\rb\r\n",
                "x: \0\r\n",
                "x: y\n",
                "x: " + "y".repeat(70_000) + "\r\n",
                "x: y\r\n".repeat(20_000)),
            List.of("\r\n", "\n"));
    Set<String> bodies = new LinkedHashSet<>();
    for (int varied = 0; varied < parts.size(); varied++) {
      for (String form : parts.get(varied)) {
        StringBuilder body = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
          body.append(i == varied ? form : parts.get(i).getFirst());
        }
        bodies.add(body.toString());
      }
    }
    return bodies;
  }

  private static boolean isBody(String raw) {
    Matcher body = raw.length() > 60_000 ? null : BODY.matcher(raw);
    return body != null && body.matches() && body.group("ext").length() < 1024;
  }

  /** The application may see the beginning of a request, and never its end. */
  @Test
  void aBodyIsCompleteIfAndOnlyIfItsChunksAre() throws Exception {
    SoftAssertions all = new SoftAssertions();
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      for (String body : bodies()) {
        String name = escaped(body.substring(0, Math.min(60, body.length())));
        boolean expected = isBody(body);
        try (var client = new Http1Client(port)) {
          client.send(BODY_HEAD);
          client.send(expected ? body : body + REST);
          all.assertThat(client.response().status()).as(name).isEqualTo(expected ? 200 : 400);
          if (!expected) {
            all.assertThat(client.ended()).as(name).isTrue();
          }
        }
        all.assertThat(app.requests).as(name).hasSize(expected ? 1 : 0);
        app.requests.clear();
      }
    }
    all.assertAll();
  }

  @Test
  void extensionsOfAllChunksTogetherHaveALimit() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      String chunk = "1;" + "a".repeat(99) + "\r\nx\r\n";
      assertThat(status(port, BODY_HEAD + chunk.repeat(40) + "0\r\n\r\n")).isEqualTo(200);
      assertThat(app.request().body()).hasSize(40);
      assertThat(status(port, BODY_HEAD + chunk.repeat(41) + "0\r\n\r\n")).isEqualTo(400);
      assertThat(app.requests).isEmpty();
      // The next request of a connection has as many again.
      try (var client = new Http1Client(port)) {
        for (int i = 0; i < 3; i++) {
          client.send(BODY_HEAD + chunk.repeat(30) + "0\r\n\r\n");
          assertThat(client.response().status()).isEqualTo(200);
        }
      }
    }
  }

  @Test
  void whatIsWrongWithABodyIsOnRecordAndWhatItHoldsIsNot() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      assertThat(status(port, BODY_HEAD + "secret\r\n" + REST)).isEqualTo(400);
      assertThat(proxy.decisions.getLast().reason()).isEqualTo("protocol-error");
      assertThat(proxy.decisions.getLast().detail()).isEqualTo("body: chunk: its size is none");
      assertThat(status(port, "GET / HTTP/1.1\r\nhost: w\r\nthe secret: x\r\n\r\n")).isEqualTo(400);
      assertThat(proxy.decisions.getLast().detail()).startsWith("head: ").doesNotContain("secret");
      assertThat(status(port, "GET /a secret HTTP/1.1\r\nhost: w\r\n\r\n")).isEqualTo(400);
      assertThat(proxy.decisions.getLast().detail()).startsWith("head: ").doesNotContain("secret");
      assertThat(status(port, "GET / HTTP/1.1\r\nhost: w\r\ncontent-length: secret\r\n\r\n"))
          .isEqualTo(400);
      assertThat(proxy.decisions.getLast().detail()).startsWith("head: ").doesNotContain("secret");
    }
  }

  @Test
  void twoLengthsAreRefusedInEveryVersion() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      int port = proxy.inbound(null);
      for (String version : List.of("HTTP/1.0", "HTTP/1.1")) {
        for (String second : List.of("4", "5")) {
          String head =
              "POST / " + version + "\r\nhost: w\r\ncontent-length: 4\r\ncontent-length: ";
          assertThat(status(port, head + second + "\r\n\r\nabcde")).isEqualTo(400);
        }
      }
      assertThat(app.requests).isEmpty();
    }
  }

  // ---- Max-Forwards

  @ParameterizedTest
  @CsvSource({
    "OPTIONS, /, 5, 4",
    "OPTIONS, *, 1, 0",
    "TRACE, /a, 007, 6",
    "TRACE, /a, 99999999999999999999, 999999998",
    "GET, /, 0, 0",
    "GET, /, x, x",
  })
  void maxForwardsIsCountedDown(String method, String target, String sent, String forwarded)
      throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      String request =
          method + " " + target + " HTTP/1.1\r\nhost: w\r\nmax-forwards: " + sent + "\r\n\r\n";
      assertThat(status(proxy.inbound(null), request)).isEqualTo(200);
      assertThat(app.request().header("max-forwards")).isEqualTo(forwarded);
    }
  }

  @Test
  void theProxyAnswersWhatGoesNoFurther() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port : List.of(proxy.inbound(null), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send("OPTIONS * HTTP/1.1\r\nhost: w\r\nmax-forwards: 0\r\n\r\n");
          Http1Client.Message options = client.response();
          assertThat(options.status()).isEqualTo(200);
          assertThat(options.header("content-length")).isEqualTo("0");
          client.send(
              "TRACE /a HTTP/1.1\r\nhost: w\r\nauthorization: secret\r\nmax-forwards: 00\r\n\r\n");
          Http1Client.Message trace = client.response();
          assertThat(trace.status()).isEqualTo(200);
          assertThat(trace.header("content-type")).isEqualTo("message/http");
          assertThat(trace.body())
              .isEqualTo("TRACE /a HTTP/1.1\r\nhost: w\r\nmax-forwards: 0\r\n\r\n");
        }
      }
      // The second proxy of two is the last.
      assertThat(status(proxy.pair(), "OPTIONS / HTTP/1.1\r\nhost: w\r\nmax-forwards: 1\r\n\r\n"))
          .isEqualTo(200);
      assertThat(app.requests).isEmpty();
      try (var client = Http2Peer.client(proxy.inbound(null))) {
        assertThat(client.open("OPTIONS", "/", true, "max-forwards", "0").rest().status())
            .isEqualTo(200);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "+1", "1, 2", "x", "1.0", "", "1\r\nmax-forwards: 2"})
  void aNumberOfForwardsThatIsNoneIsRefused(String value) throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port : List.of(proxy.inbound(null), proxy.pair())) {
        assertThat(
                status(port, "TRACE / HTTP/1.1\r\nhost: w\r\nmax-forwards: " + value + "\r\n\r\n"))
            .isEqualTo(400);
      }
      assertThat(app.requests).isEmpty();
    }
  }

  @Test
  void policyIsAskedBeforeTheProxyAnswers() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      proxy.policy.set(new FakePolicy.Rules(List.of("/"), List.of("/no"), List.of()));
      String request = "TRACE /no HTTP/1.1\r\nhost: w\r\nmax-forwards: 0\r\n\r\n";
      assertThat(status(proxy.inbound(null), request)).isEqualTo(403);
    }
  }
}
