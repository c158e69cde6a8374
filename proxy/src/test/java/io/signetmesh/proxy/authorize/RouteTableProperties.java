package io.signetmesh.proxy.authorize;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.RouteEntry.PathPattern;
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

  private record Get(CharSequence path) implements RequestFacts {
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
      return null;
    }
  }
}
