package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.path.LenientPath;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.LinearPattern;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.RouteEntry.PathPattern;
import io.signetmesh.proxy.authorize.compile.RouteEntry.ValuePattern;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.jspecify.annotations.Nullable;

class RouteTableProperties {
  private final RouteTable table =
      new RouteTable(List.of(prefix("everything", "/"), prefix("admin", "/admin")));

  /** Each of them is /admin to some application, and something else to a plain comparison. */
  @Example
  void pathsThatApplicationsMayTakeForAnotherRouteHaveNone() {
    for (String path :
        List.of(
            "/%61dmin",
            "/x/../admin",
            "/x/%2e%2E/admin",
            "/x/..%2fadmin",
            "/x/..;/admin",
            "/./admin",
            "//admin",
            "/\\admin",
            "/%5cadmin",
            "/admin;v=1",
            "/admin;v=1/users?x=1",
            "/x/..%2Fadmin?q",
            "/admin%3bv=1",
            "/admin/../x")) {
      assertThat(routeOf(path)).as(path).isNull();
      assertThat(table.isAmbiguous(new Get(path))).as(path).isTrue();
    }
  }

  @Example
  void unusualPathsOfOneReadingKeepTheirRoute() {
    for (String path :
        List.of(
            "/", "/a%20b", "/a%2Fb", "/a//b", "/.well-known/x", "/a;v=1", "/%7Euser", "/x/../y")) {
      assertThat(routeOf(path)).as(path).isEqualTo("everything");
    }
    for (String path : List.of("/admin", "/admin/", "/admin/a%20b;v=1?p=..%2f", "/admin/x/../y")) {
      assertThat(routeOf(path)).as(path).isEqualTo("admin");
      assertThat(table.isAmbiguous(new Get(path))).as(path).isFalse();
    }
  }

  @Example
  void requestsWhoseParametersOrHeadersLeaveTheRouteOpenHaveNone() {
    RouteTable conditional =
        new RouteTable(
            List.of(
                prefix("everything", "/"),
                conditional("delete", null, new ValuePattern("action", "delete", null)),
                conditional("write", new ValuePattern("x-op", "write", null), null)));

    for (String path :
        List.of(
            "/?action=x&action=delete",
            "/?action=delete&a=1&action=x",
            "/?action=x&acti%6Fn=delete",
            "/?action&action=delete",
            "/?action=delete%",
            "/?action=%ff",
            "/?action%=delete")) {
      assertThat(conditional.find(new Get(path))).as(path).isNull();
      assertThat(conditional.isAmbiguous(new Get(path))).as(path).isTrue();
    }
    for (String path :
        List.of("/", "/?", "/?a=1&a=2", "/?a=100%", "/?action=x&action=x", "/?&action=%20")) {
      assertThat(name(conditional.find(new Get(path)))).as(path).isEqualTo("everything");
      assertThat(conditional.isAmbiguous(new Get(path))).as(path).isFalse();
    }
    assertThat(name(conditional.find(new Get("/?action=delete&action=del%65te"))))
        .isEqualTo("delete");
    assertThat(name(conditional.find(new Get("/", List.of("write", "write"))))).isEqualTo("write");
    assertThat(conditional.find(new Get("/", List.of("read", "write")))).isNull();
    assertThat(conditional.isAmbiguous(new Get("/", List.of("read", "write")))).isTrue();
    // Where no route asks for them they are nobody's business.
    assertThat(routeOf("/?action=x&action=delete")).isEqualTo("everything");
  }

  @Example
  void pathsThatExpressionsWouldTakeTooLongForHaveNoRoute() {
    LinearPattern large = LinearPattern.compile("/a/.{0,400}b.{0,400}/c");
    RouteTable expressed =
        new RouteTable(
            List.of(
                prefix("everything", "/"),
                entry("large", new PathPattern.Expression(large)),
                entry("any", new PathPattern.Expression(LinearPattern.compile("/any/.*")))));
    String longest = "x".repeat(60_000);

    for (String path : List.of("/a/" + longest + "/c", "/a/" + "x".repeat(2_000) + "/c?q")) {
      assertThat(expressed.find(new Get(path))).isNull();
      assertThat(expressed.isAmbiguous(new Get(path))).isTrue();
    }
    assertThat(name(expressed.find(new Get("/a/xbx/c")))).isEqualTo("large");
    // No expression has to be asked about these.
    for (String path : List.of("/a/" + longest, "/b/" + longest + "/c")) {
      assertThat(name(expressed.find(new Get(path)))).isEqualTo("everything");
    }
    assertThat(name(expressed.find(new Get("/any/" + longest)))).isEqualTo("any");
  }

  @Example
  void valuesThatExpressionsWouldTakeTooLongForHaveNoRoute() {
    LinearPattern large = LinearPattern.compile(".{0,400}b.{0,400}");
    RouteTable conditional =
        new RouteTable(
            List.of(
                prefix("everything", "/"),
                conditional("header", new ValuePattern("x-op", null, large), null),
                conditional("query", null, new ValuePattern("q", null, large))));
    String longest = "x".repeat(2_000);

    assertThat(conditional.isAmbiguous(new Get("/", List.of(longest)))).isTrue();
    assertThat(conditional.isAmbiguous(new Get("/?q=" + longest))).isTrue();
    assertThat(conditional.find(new Get("/?q=" + longest))).isNull();
    assertThat(name(conditional.find(new Get("/?q=b")))).isEqualTo("query");
    assertThat(name(conditional.find(new Get("/?p=" + longest)))).isEqualTo("everything");
  }

  private static @Nullable String name(@Nullable CompiledRoute route) {
    return route == null ? null : route.ref().name();
  }

  private static RouteEntry entry(String name, @Nullable PathPattern path) {
    return new RouteEntry(
        new CompiledRoute(new ResourceRef("", "route", name), List.of(), null, null),
        null,
        path,
        List.of(),
        List.of(),
        null);
  }

  private static RouteEntry conditional(
      String name, @Nullable ValuePattern header, @Nullable ValuePattern parameter) {
    return new RouteEntry(
        entry(name, null).route(),
        null,
        null,
        header == null ? List.of() : List.of(header),
        parameter == null ? List.of() : List.of(parameter),
        null);
  }

  @Property
  void lenientPathsHaveNothingLeftToResolve(@ForAll("paths") String path) {
    String lenient = LenientPath.of(path, path.length());

    assertThat(lenient).startsWith("/").doesNotContain("//", ";", "\\");
    assertThat(lenient.split("/", -1)).doesNotContain(".", "..");
    if (!LenientPath.mayDiffer(path, path.length())) {
      assertThat(lenient).isEqualTo(path);
    }
  }

  @Provide
  Arbitrary<String> paths() {
    return Arbitraries.of(
            "/", ".", "..", "a", "%2e", "%2F", "%5C", "\\", ";", "%3B", "%", "%41", "%00")
        .list()
        .ofMaxSize(12)
        .map(parts -> "/" + String.join("", parts));
  }

  private @Nullable String routeOf(String path) {
    CompiledRoute found = table.find(new Get(path));
    return found == null ? null : found.ref().name();
  }

  private static RouteEntry prefix(String name, String path) {
    return new RouteEntry(
        new CompiledRoute(new ResourceRef("", "route", name), List.of(), null, null),
        null,
        path.equals("/") ? null : new PathPattern.Prefix(path),
        List.of(),
        List.of(),
        null);
  }

  private record Get(CharSequence path, List<String> operations, ExpressionWork expressions)
      implements RequestAttributes {
    Get(CharSequence path) {
      this(path, List.of());
    }

    Get(CharSequence path, List<String> operations) {
      this(path, operations, new ExpressionWork());
    }

    @Override
    public CharSequence method() {
      return "GET";
    }

    @Override
    public CharSequence authority() {
      return "web";
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return "x-op".contentEquals(lowerCaseName) && !operations.isEmpty()
          ? operations.getFirst()
          : null;
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return "x-op".contentEquals(lowerCaseName) && operations.stream().distinct().count() > 1;
    }
  }
}
