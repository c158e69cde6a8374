package io.signetmesh.policy.token;

import com.google.protobuf.ByteString;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.jwt.key.InvalidKeySetException;
import io.signetmesh.jwt.key.KeyFinding;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.policy.document.Document;
import java.util.ArrayList;
import java.util.List;

/**
 * The public keys of a key set, or why there are none.
 *
 * @param jwks the usable keys as a JWK set with public keys only; empty when there are none
 * @param size number of usable keys
 * @param problems keys that are malformed, weak or exposed, one sentence each; the first of them
 * @param unavailable why there are no keys, one sentence without a full stop; empty when there are
 */
public record KnownKeys(String jwks, int size, List<String> problems, String unavailable)
    implements Document {
  /** Members of {@code keys} that a set may have. */
  public static final int MAX_KEYS = 100;

  /** Problems that are told of one set. */
  private static final int MAX_PROBLEMS = 10;

  /** Copies the list. */
  public KnownKeys {
    problems = List.copyOf(problems);
  }

  /** No keys. */
  public static KnownKeys none(String why) {
    return new KnownKeys("", 0, List.of(), PlainText.of(why));
  }

  /** The keys of a text that should be a JWK set. */
  public static KnownKeys parse(String text) {
    KeySet keys;
    try {
      keys = KeySet.parse(text);
    } catch (InvalidKeySetException e) {
      return none(String.valueOf(e.getMessage()));
    }
    int members = keys.size() + keys.findings().size();
    if (members > MAX_KEYS) {
      return none("the set has " + members + " keys: expected at most " + MAX_KEYS);
    }
    List<String> problems = new ArrayList<>();
    for (KeyFinding finding : keys.findings()) {
      if (finding.kind() == KeyFinding.Kind.BAD && problems.size() < MAX_PROBLEMS) {
        problems.add(PlainText.of(finding.toString()));
      }
    }
    return keys.isEmpty()
        ? new KnownKeys(
            "",
            0,
            problems,
            PlainText.of(
                "the set has no key that can be used"
                    + (keys.findings().isEmpty() ? "" : ": " + keys.findings().getFirst())))
        : new KnownKeys(keys.reduced(), keys.size(), problems, "");
  }

  /** Whether there are keys. */
  public boolean areThere() {
    return isThere();
  }

  @Override
  public ByteString content() {
    return ByteString.copyFromUtf8(jwks);
  }

  @Override
  public boolean isLike(Document other) {
    return other instanceof KnownKeys that && jwks.equals(that.jwks);
  }
}
