package io.signetmesh.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** What a route's path says of requests is what the requests' own reading says. */
class RoutePathProperties {
  private static final Set<RoutePath.Meaning> MATCHABLE =
      EnumSet.of(RoutePath.Meaning.LITERAL, RoutePath.Meaning.PARAMETERS, RoutePath.Meaning.MERGED);

  @Provide
  Arbitrary<String> paths() {
    return Arbitraries.of(
            "/", "/", ".", "..", "a", "B", "%2e", "%2F", "%5c", "\\", ";", "%3B", "%61", "%c3",
            "%A9", "\u00e9", "%", "%00", "?", "#", " ", "~")
        .list()
        .ofMaxSize(10)
        .map(pieces -> "/" + String.join("", pieces));
  }

  /** A normal path is its own normal form, so a request has the text as its path, or none has. */
  @Property(tries = 20_000)
  void requestsHaveThePathExactlyWhereItSaysSo(@ForAll("paths") String written) {
    RoutePath read = RoutePath.of(written);
    boolean isPath = read.text().indexOf('?') < 0;
    CharSequence normal = isPath ? RequestPath.normalize(read.text()) : null;
    assertThat(normal != null && normal.toString().equals(read.text()))
        .as("%s", read)
        .isEqualTo(MATCHABLE.contains(read.meaning()));
  }

  /** A request that is sent as the path was written takes the route, or is refused. */
  @Property(tries = 20_000)
  void aRequestThatIsSentSoTakesTheRoute(@ForAll("paths") String written) {
    RoutePath read = RoutePath.of(written);
    if (MATCHABLE.contains(read.meaning())) {
      assertThat(RequestPath.normalize(RoutePath.asWritten(written)))
          .asString()
          .isEqualTo(read.text());
    }
  }
}
