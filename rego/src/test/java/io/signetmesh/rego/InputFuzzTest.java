package io.signetmesh.rego;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.rego.RegoAnswer.Outcome;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class InputFuzzTest {
  static Stream<Arguments> inputs() {
    return Stream.of(
            "{\"groups\":[\"staff\",1.5e3,null,{\"a\":[]}]}",
            "{\"a\":\"\ud83d\ude00\\ud800\"}",
            "{\"n\":1e999999999,\"m\":-0.0}",
            "{",
            "/orders/%2e%2e/\u0000\u202e")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * The bytes as claims, path and header field of a request that a policy is asked about. It is
   * answered, and never allowed, whatever it is: the identity is another.
   */
  @MethodSource("inputs")
  @FuzzTest(maxDuration = "10m")
  void bytesOfARequest(byte[] input) {
    String text = new String(input, StandardCharsets.UTF_16BE);
    String claims = new String(input, StandardCharsets.UTF_8);
    RegoInput request =
        Inputs.of(
            "eve",
            text,
            claims,
            Map.of("shop/users", claims),
            List.of(new RegoInput.Field(text, claims), new RegoInput.Field("x", text)));
    RegoAnswer answer = Holder.MESH.ask(request, Instant.EPOCH);
    switch (answer.outcome()) {
      case DENY, INPUT_TOO_LARGE, FAILED -> {
        if (answer.outcome() == Outcome.FAILED && !broken(claims, answer)) {
          throw new AssertionError(answer.toString());
        }
      }
      default -> throw new AssertionError(answer.toString());
    }
  }

  /** Whether the claims are at fault, which no verified token's are. */
  private static boolean broken(String claims, RegoAnswer answer) {
    try {
      RegoInputWriter.write(Inputs.of("eve", "/", "", Map.of("shop/users", claims), List.of()));
      return false;
    } catch (java.io.IOException | RuntimeException e) {
      return answer.reason() != null;
    }
  }

  private static final class Holder {
    private static final RegoAuthentication MESH = TestBundles.compile("mesh/allow");
  }
}
