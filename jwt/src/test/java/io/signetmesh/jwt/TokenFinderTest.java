package io.signetmesh.jwt;

import static io.signetmesh.jwt.TestTokens.compiled;
import static io.signetmesh.jwt.TestTokens.head;
import static io.signetmesh.jwt.TestTokens.message;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.TokenLocation;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenFinderTest {
  private static final TokenAuthentication BEARER = compiled(message());
  private static final TokenAuthentication COOKIE =
      at(TokenLocation.newBuilder().setCookie("session"));
  private static final TokenAuthentication QUERY =
      at(TokenLocation.newBuilder().setQueryParameter("access_token"));

  private static TokenAuthentication at(TokenLocation.Builder... locations) {
    JwtAuthentication.Builder message = message().clearLocations();
    for (TokenLocation.Builder location : locations) {
      message.addLocations(location);
    }
    return compiled(message);
  }

  private static String found(TokenAuthentication authentication, HeadFields head) {
    FoundToken found = TokenFinder.find(authentication, head);
    byte[] into = new byte[TokenFinder.MAX_TOKEN];
    int length = TokenFinder.find(authentication, head, into);
    String text =
        switch (found) {
          case FoundToken.None none -> "NONE";
          case FoundToken.Many many -> "MANY";
          case FoundToken.TooLarge large -> "TOO_LARGE";
          case FoundToken.One(byte[] bytes) -> new String(bytes, StandardCharsets.ISO_8859_1);
        };
    switch (length) {
      case TokenFinder.NONE -> assertThat(text).isEqualTo("NONE");
      case TokenFinder.MANY -> assertThat(text).isEqualTo("MANY");
      case TokenFinder.TOO_LARGE -> assertThat(text).isEqualTo("TOO_LARGE");
      default ->
          assertThat(new String(Arrays.copyOf(into, length), StandardCharsets.ISO_8859_1))
              .isEqualTo(text);
    }
    return text;
  }

  private static String inAuthorization(String... values) {
    return found(BEARER, head("GET", "/", Map.of("authorization", List.of(values))));
  }

  private static String inCookies(String... values) {
    return found(COOKIE, head("GET", "/", Map.of("cookie", List.of(values))));
  }

  private static String inQuery(String target) {
    return found(QUERY, head("GET", target, Map.of()));
  }

  @ParameterizedTest
  @CsvSource({
    "Bearer a.b.c,          a.b.c",
    "bearer a.b.c,          a.b.c",
    "BEARER a.b.c,          a.b.c",
    "'Bearer   a.b.c',      a.b.c",
    "'Bearer \ta.b.c \t',   a.b.c",
    "Bearer a b,            a b",
    "'Bearer a, Bearer b',  'a, Bearer b'",
    "Bearer,                NONE",
    "Bearera.b.c,           NONE",
    "Basic a.b.c,           NONE",
    "'Token Bearer a.b.c',  NONE",
    "'',                    NONE"
  })
  void aTokenIsInTheAuthorizationField(String value, String expected) {
    assertThat(inAuthorization(value)).isEqualTo(expected);
  }

  @Test
  void aRepeatedFieldIsOneTooMany() {
    assertThat(inAuthorization("Bearer a", "Bearer a")).isEqualTo("MANY");
    assertThat(inAuthorization("Bearer a", "Basic b")).isEqualTo("MANY");
    assertThat(inAuthorization("Basic b", "Bearer a")).isEqualTo("MANY");
    assertThat(inAuthorization("Basic b", "Basic b")).isEqualTo("NONE");
    assertThat(inAuthorization("Bearer ", "Bearer a")).isEqualTo("MANY");
  }

  @Test
  void aRequestWithoutTheFieldHasNone() {
    assertThat(found(BEARER, head("GET", "/", Map.of("x", List.of("Bearer a"))))).isEqualTo("NONE");
  }

  @Test
  void aFieldWithoutPrefixIsTheToken() {
    TokenAuthentication plain =
        at(
            TokenLocation.newBuilder()
                .setHeader(TokenLocation.Header.newBuilder().setName("x-token")));

    assertThat(found(plain, head("GET", "/", Map.of("x-token", List.of("a.b.c")))))
        .isEqualTo("a.b.c");
    assertThat(found(plain, head("GET", "/", Map.of("x-token", List.of("a", "a")))))
        .isEqualTo("MANY");
    assertThat(found(plain, head("GET", "/", Map.of("x-token", List.of(""))))).isEmpty();
  }

  @Test
  void aTokenHasSixteenKibibytesAtMost() {
    assertThat(inAuthorization("Bearer " + "a".repeat(16_384))).hasSize(16_384);
    assertThat(inAuthorization("Bearer " + "a".repeat(16_385))).isEqualTo("TOO_LARGE");
    assertThat(inCookies("session=" + "a".repeat(16_385))).isEqualTo("TOO_LARGE");
    assertThat(inQuery("/?access_token=" + "a".repeat(16_385))).isEqualTo("TOO_LARGE");
    assertThat(inQuery("/?access_token=" + "%61".repeat(16_384))).hasSize(16_384);
    assertThat(inQuery("/?access_token=" + "a".repeat(16_385) + "&access_token=a"))
        .isEqualTo("MANY");
  }

  @Test
  void charactersBeyondOctetsAreNoToken() {
    assertThat(inAuthorization("Bearer a\u0161b\u00ff")).isEqualTo("a\0b\u00ff");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "session=a.b.c                  | a.b.c",
        "a=b; session=a.b.c; c=d        | a.b.c",
        "a=b;session=a.b.c              | a.b.c",
        "session=\"a.b.c\"              | a.b.c",
        "' session = a.b.c '            | a.b.c",
        "session=a=b                    | a=b",
        "session=                       | ''",
        "session                        | NONE",
        "Session=a                      | NONE",
        "xsession=a                     | NONE",
        "session2=a                     | NONE",
        "a=session=b                    | NONE",
        "''                             | NONE",
        ";;;                            | NONE",
        "session=a; session=a           | MANY",
        "session=a;session              | a",
        "session=\"a; session=b\"       | MANY"
      })
  void aTokenIsInACookie(String field, String expected) {
    assertThat(inCookies(field)).isEqualTo(expected);
  }

  @Test
  void aTokenIsInOneOfManyCookieFields() {
    assertThat(inCookies("a=b", "session=t")).isEqualTo("t");
    assertThat(inCookies("session=t", "session=t")).isEqualTo("MANY");
  }

  @ParameterizedTest
  @CsvSource({
    "/?access_token=a.b.c,                     a.b.c",
    "/x?a=b&access_token=a.b.c&c=d,            a.b.c",
    "/?access%5Ftoken=a%2Eb,                   a.b",
    "/?%61ccess_token=a,                       a",
    "/?access_token=a+b,                       a b",
    "/?access_token=a%zz%,                     a%zz%",
    "/?access_token=a=b,                       a=b",
    "/?access_token=a?b,                       a?b",
    "/?access_token=,                          ''",
    "/?access_token,                           ''",
    "/?Access_token=a,                         NONE",
    "/?xaccess_token=a,                        NONE",
    "/?access_token2=a,                        NONE",
    "/?a=access_token=b,                       NONE",
    "/access_token=a,                          NONE",
    "/?,                                       NONE",
    "/?&&,                                     NONE",
    "/?access_token=a&access_token=a,          MANY",
    "/?access_token=a&access%5ftoken=b,        MANY",
    "/?access_token=a&access_token,            MANY"
  })
  void aTokenIsInTheQuery(String target, String expected) {
    assertThat(inQuery(target)).isEqualTo(expected);
  }

  @Test
  void twoLocationsWithATokenEachAreOneTooMany() {
    TokenAuthentication three =
        at(
            TokenLocation.newBuilder()
                .setHeader(
                    TokenLocation.Header.newBuilder()
                        .setName("authorization")
                        .setPrefix("Bearer ")),
            TokenLocation.newBuilder().setCookie("session"),
            TokenLocation.newBuilder().setQueryParameter("t"));
    Map<String, List<String>> both =
        Map.of("authorization", List.of("Bearer a"), "cookie", List.of("session=a"));

    assertThat(found(three, head("GET", "/", both))).isEqualTo("MANY");
    assertThat(found(three, head("GET", "/?t=a", Map.of("cookie", List.of("session=a")))))
        .isEqualTo("MANY");
    assertThat(found(three, head("GET", "/?t=a", Map.of("cookie", List.of("b=a"))))).isEqualTo("a");
    assertThat(
            found(
                three,
                head("GET", "/?t=" + "a".repeat(17_000), Map.of("cookie", List.of("session=a")))))
        .isEqualTo("MANY");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "null",
      value = {
        "session=a                   | null",
        "a=b; session=t; c=d         | a=b; c=d",
        "session=t; a=b              | a=b",
        "a=b; session=t              | a=b",
        "a=b;session=t;c=d           | a=b;c=d",
        "session=t; session=u        | null",
        "a=b; Session=t              | a=b; Session=t",
        "a=b;  c = d ;; session      | a=b;  c = d ;; session",
        "' session = t ; a=b'        | a=b",
        "session=t;                  | null"
      })
  void aCookieIsRemoved(String field, String rest) {
    assertThat(Cookies.without(field, "session")).isEqualTo(rest);
  }

  @ParameterizedTest
  @CsvSource({
    "/a?access_token=t,               /a",
    "/a?x=1&access_token=t&y=2,       /a?x=1&y=2",
    "/a?access_token=t&y=%zz+,        /a?y=%zz+",
    "/a?x=1&access%5ftoken=t,         /a?x=1",
    "/a?access_token,                 /a",
    "/a?access_token=t&access_token=u, /a",
    "/a?x=access_token=t,             /a?x=access_token=t",
    "/a?,                             /a?",
    "/a,                              /a",
    "/a?&access_token=t&,             /a?&"
  })
  void aParameterIsRemoved(String target, String rest) {
    assertThat(QueryParameters.without(target, "access_token")).isEqualTo(rest);
  }

  @Test
  void aNameBeyondAsciiIsFoundInItsEncoding() {
    assertThat(QueryParameters.without("/?schl%C3%BCssel=t&x=1", "schl\u00fcssel"))
        .isEqualTo("/?x=1");
    assertThat(QueryParameters.without("/?%F0%9F%98%80=t", "\uD83D\uDE00")).isEqualTo("/");
  }

  @Provide
  Arbitrary<String> fields() {
    return Arbitraries.of(
            "t=1", "t", "t =2", " t=", "x=t", "tt=3", "", " ", "T=4", "t=\"5\"", "%74=6", "t=a b",
            "=t")
        .list()
        .ofMaxSize(5)
        .map(list -> list.stream().collect(Collectors.joining(";")));
  }

  /** What is removed is what is found; the rest stays. */
  @Property(tries = 1000)
  void afterARemovalNothingIsFound(@ForAll("fields") String field) {
    byte[] into = new byte[TokenFinder.MAX_TOKEN];
    String rest = Cookies.without(field, "t");
    boolean there = Cookies.find(field, "t", into, TokenFinder.NONE) != TokenFinder.NONE;

    assertThat(rest == null || Cookies.find(rest, "t", into, TokenFinder.NONE) == TokenFinder.NONE)
        .isTrue();
    if (!there) {
      assertThat(rest).isEqualTo(field);
    }
    String target = "/p?" + field.replace(';', '&');
    String left = QueryParameters.without(target, "t");
    boolean here = QueryParameters.find(target, "t", into, TokenFinder.NONE) != TokenFinder.NONE;

    assertThat(QueryParameters.find(left, "t", into, TokenFinder.NONE)).isEqualTo(TokenFinder.NONE);
    assertThat(left).startsWith("/p");
    if (!here) {
      assertThat(left).isEqualTo(target);
    }
  }
}
