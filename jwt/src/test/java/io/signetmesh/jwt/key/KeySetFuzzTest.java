package io.signetmesh.jwt.key;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.jwt.ThreadCpu;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.jose.StrictJson;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KeySetFuzzTest {
  /** What a reduced key consists of. */
  private static final Set<String> MEMBERS =
      Set.of("kid", "kty", "alg", "use", "crv", "x", "y", "n", "e");

  private static final long MAX_NANOS = 2_000_000_000L;

  static Stream<Arguments> sets() {
    return Stream.of(
            "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\",\"use\":\"sig\","
                + "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                + "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
                + "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"key_ops\":[\"verify\"],"
                + "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
            "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" + "_".repeat(342) + "\",\"e\":\"AQAB\"}]}",
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"},7,{}]}",
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                + "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  /** A set is read in bounded time, or not at all; what is left of it is a set of the same keys. */
  @MethodSource("sets")
  @FuzzTest(maxDuration = "10m")
  void textOfAKeySet(byte[] bytes) throws Exception {
    long begun = ThreadCpu.nanos();
    KeySet keys;
    try {
      keys = KeySet.parse(new String(bytes, StandardCharsets.UTF_8));
    } catch (InvalidKeySetException e) {
      return;
    } finally {
      if (ThreadCpu.nanos() - begun > MAX_NANOS) {
        throw new AssertionError("took CPU time of " + (ThreadCpu.nanos() - begun) + " ns");
      }
    }
    if (!MEMBERS.containsAll(members(keys.reduced()))) {
      throw new AssertionError("more than public keys is passed on: " + keys.reduced());
    }
    KeySet again = KeySet.parse(keys.reduced());
    if (!again.equals(keys) || !again.findings().isEmpty() || again.size() != keys.size()) {
      throw new AssertionError("another set when read again: " + keys.reduced());
    }
    for (SignatureAlgorithm algorithm : SignatureAlgorithm.values()) {
      if (keys.candidates(null, algorithm).size() > KeySet.MAX_CANDIDATES) {
        throw new AssertionError("too many candidates");
      }
    }
  }

  private static Set<String> members(String reduced) throws MalformedException {
    Set<String> names = new HashSet<>();
    if (StrictJson.parseMarked(reduced) instanceof JsonValue.Members set
        && set.get("keys") instanceof JsonValue.Elements(List<JsonValue> keys)) {
      for (JsonValue key : keys) {
        names.addAll(((JsonValue.Members) key).values().keySet());
      }
    }
    return names;
  }
}
