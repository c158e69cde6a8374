package io.signetmesh.policy.suggest;

import static io.signetmesh.policy.TestPolicies.CONFIG;
import static io.signetmesh.policy.TestPolicies.WEB;
import static io.signetmesh.policy.TestPolicies.identities;
import static io.signetmesh.policy.TestPolicies.index;
import static io.signetmesh.policy.TestPolicies.meshTls;
import static io.signetmesh.policy.TestPolicies.pod;
import static io.signetmesh.policy.TestPolicies.policy;
import static io.signetmesh.policy.TestPolicies.server;
import static io.signetmesh.policy.TestPolicies.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.model.PolicyObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What was meant by a typo, and how long the search for it takes. */
final class TypoSuggestionsTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final List<PolicyObject> ONE_TYPO =
      List.of(
          pod("web", APP),
          server("web", 8080, APP),
          identities("front", "a.b"),
          policy("zz", toServer("web"), meshTls("frnt")));

  @Test
  void aTypoIsCorrected() {
    assertThat(meant(ONE_TYPO)).containsExactly("front");
  }

  @Test
  void aNamespaceFullOfReferencesToNothingEndsTheSearchBeforeItTakesLong() {
    List<PolicyObject> objects = new ArrayList<>(ONE_TYPO);
    for (int i = 0; i < 600; i++) {
      objects.add(identities("authentication-" + i, "a.b"));
    }
    for (int i = 0; i < 300; i++) {
      objects.add(policy("p" + i, toServer("web"), meshTls("there-is-nothing-like-it-" + i)));
    }
    assertThat(meant(objects)).isEmpty();
  }

  private static List<String> meant(List<PolicyObject> objects) {
    return TypoSuggestions.of(
            new IndexLinter(index(CONFIG, objects.toArray(PolicyObject[]::new))), WEB, 8080)
        .values()
        .stream()
        .map(Suggestion::meant)
        .toList();
  }
}
