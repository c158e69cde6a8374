package io.signetmesh.path;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RequestPathFuzzTest {
  static Stream<Arguments> targets() {
    return Stream.of(
            "/a/../b//c/%2e%2e/%7e?x=/../", "/%c0%af/%e2%82%ac/..;v=1/%3b", "/.%2e/\\%5c%00#", "*")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  /** Whatever a peer sends, there is one normal form of it or none. */
  @MethodSource("targets")
  @FuzzTest(maxDuration = "10m")
  void octetsOfATarget(byte[] octets) {
    String target = new String(octets, StandardCharsets.ISO_8859_1);
    CharSequence found = RequestPath.normalize(target);
    if ((found == null) != (RequestPath.refusal(target) != null)) {
      throw new AssertionError("refused without a reason, or a reason without refusal");
    }
    if (found == null) {
      return;
    }
    String normal = found.toString();
    if (!normal.contentEquals(String.valueOf(RequestPath.normalize(normal)))) {
      throw new AssertionError("not its own normal form: " + normal);
    }
    int query = normal.indexOf('?');
    String path = query < 0 ? normal : normal.substring(0, query);
    for (String segment : path.split("/", -1)) {
      if (segment.equals(".") || segment.equals("..") || segment.startsWith("..;")) {
        throw new AssertionError("dot segment in " + normal);
      }
    }
    if (path.contains("//") || path.contains("\\") || path.contains("%2F")) {
      throw new AssertionError("second reading of " + normal);
    }
  }
}
