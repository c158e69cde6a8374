package io.signetmesh.policy.index;

import static io.signetmesh.policy.index.Facts.CONFIG;
import static io.signetmesh.policy.index.Facts.WEB;
import static io.signetmesh.policy.index.Facts.identities;
import static io.signetmesh.policy.index.Facts.index;
import static io.signetmesh.policy.index.Facts.meshTls;
import static io.signetmesh.policy.index.Facts.pod;
import static io.signetmesh.policy.index.Facts.policy;
import static io.signetmesh.policy.index.Facts.server;
import static io.signetmesh.policy.index.Facts.toServer;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.policy.facts.Fact;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What was meant by a slip of the pen, and how long is looked for it. */
final class SuggestionsTest {
  private static final Map<String, String> APP = Map.of("app", "web");
  private static final List<Fact> ONE_SLIP =
      List.of(
          pod("web", APP),
          server("web", 8080, APP),
          identities("front", "a.b"),
          policy("zz", toServer("web"), meshTls("frnt")));

  @Test
  void aSlipIsMended() {
    assertThat(meant(ONE_SLIP)).containsExactly("front");
  }

  @Test
  void aNamespaceFullOfReferencesToNothingEndsTheSearchBeforeItTakesLong() {
    List<Fact> facts = new ArrayList<>(ONE_SLIP);
    for (int i = 0; i < 600; i++) {
      facts.add(identities("authentication-" + i, "a.b"));
    }
    for (int i = 0; i < 300; i++) {
      facts.add(policy("p" + i, toServer("web"), meshTls("there-is-nothing-like-it-" + i)));
    }
    assertThat(meant(facts)).isEmpty();
  }

  private static List<String> meant(List<Fact> facts) {
    return index(CONFIG, facts.toArray(Fact[]::new)).suggestions(WEB, 8080).values().stream()
        .map(Suggestion::meant)
        .toList();
  }
}
