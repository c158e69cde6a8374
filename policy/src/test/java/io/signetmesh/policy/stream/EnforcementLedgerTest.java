package io.signetmesh.policy.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.stream.EnforcementLedger.Counts;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the ledger says about who enforces what. */
final class EnforcementLedgerTest {
  private static final ObjectRef WEB = ObjectRef.pod("shop", "web");
  private static final ObjectRef API = ObjectRef.pod("shop", "api");
  private static final Instant NOW = Instant.parse("2026-11-01T00:00:00Z");

  private final EnforcementLedger ledger = new EnforcementLedger(InstantSource.fixed(NOW));

  @Test
  void aPortIsInForceWhenItsNewestGenerationIsAcknowledged() {
    ledger.opened(WEB, 80, new Stream(sent(7), null, true));
    assertThat(only().inForce()).isFalse();
    assertThat(only()).hasToString("Pod shop/web port 80: has acknowledged nothing, newest is 7");

    ledger.acknowledged(WEB, 80, "", 7, "");
    assertThat(only())
        .isEqualTo(
            new PortEnforcementStatus(
                WEB, 80, "policy.linkerd.io/server/web", 7, 7, 7, NOW, "", true, true));
    assertThat(only().inForce()).isTrue();
    // A later generation of the view that did not touch the port changes nothing about it.
    assertThat(ledger.summary(9)).hasToString("1 of 1 ports enforce generation 9");
  }

  @Test
  void aStateNotYetSentKeepsThePortBehind() {
    ledger.opened(WEB, 80, new Stream(sent(7), sent(8), true));
    ledger.acknowledged(WEB, 80, "", 7, "");
    assertThat(only().inForce()).isFalse();
    assertThat(only().sent()).isEqualTo(7);
    assertThat(only().generation()).isEqualTo(8);
  }

  @Test
  void aRefusalIsNotInForce() {
    ledger.opened(WEB, 80, new Stream(sent(7), null, true));
    ledger.acknowledged(WEB, 80, "", 7, "unknown protocol");
    assertThat(ledger.summary(7))
        .hasToString(
            "0 of 1 ports enforce generation 7; behind:\n"
                + "  Pod shop/web port 80: refuses generation 7: unknown protocol");
  }

  @Test
  void aProxyThatDoesNotAcknowledgeIsListedButNotCounted() {
    ledger.opened(WEB, 80, new Stream(sent(7), null, false));
    assertThat(only().acknowledges()).isFalse();
    assertThat(only().sent()).isZero();
    assertThat(ledger.summary(7).total()).isZero();
  }

  @Test
  void thePortsOfAProxyThatIsGoneStayListed() {
    Stream stream = new Stream(sent(7), null, true);
    ledger.opened(WEB, 80, stream);
    ledger.acknowledged(WEB, 80, "", 7, "");
    ledger.closed(WEB, 80, stream);
    assertThat(only().connected()).isFalse();
    assertThat(only().generation()).isEqualTo(7);
    assertThat(only().inForce()).isFalse();
    assertThat(ledger.summary(7).total()).isZero();
  }

  @Test
  void aPortThatItsProxyNoLongerWatchesIsForgotten() {
    Stream first = new Stream(sent(7), null, true);
    ledger.opened(WEB, 80, first);
    ledger.opened(WEB, 81, new Stream(sent(7), null, true));
    ledger.closed(WEB, 80, first);
    assertThat(only().port()).isEqualTo(81);
  }

  @Test
  void aProxyThatIsBackIsListedWithThePortsThatItWatchesNow() {
    Stream first = new Stream(sent(7), null, true);
    Stream second = new Stream(sent(7), null, true);
    ledger.opened(WEB, 80, first);
    ledger.opened(WEB, 81, second);
    ledger.closed(WEB, 80, first);
    ledger.closed(WEB, 81, second);
    ledger.opened(WEB, 82, new Stream(sent(7), null, true));
    assertThat(only().port()).isEqualTo(82);
  }

  @Test
  void aReportThatComesBeforeTheWatchCounts() {
    ledger.acknowledged(WEB, 80, "", 7, "");
    assertThat(only().inForce()).isFalse();
    ledger.opened(WEB, 80, new Stream(sent(7), null, true));
    assertThat(only().inForce()).isTrue();
  }

  @Test
  void aWorkloadThatIsGoneIsForgotten() {
    ledger.opened(WEB, 80, new Stream(sent(7), null, true));
    ledger.opened(API, 80, new Stream(sent(7), null, true));
    ledger.forget(WEB);
    assertThat(only().workload()).isEqualTo(API);
  }

  @Test
  void whatOneWorkloadCanHaveRememberedIsBounded() {
    for (int port = 1; port <= EnforcementLedger.MAX_PORTS_PER_WORKLOAD; port++) {
      assertThat(ledger.acknowledged(WEB, port, "", 1, "")).isTrue();
    }
    assertThat(ledger.acknowledged(WEB, 60_000, "", 1, "")).isFalse();
    assertThat(ledger.acknowledged(WEB, 1, "", 2, "")).isTrue();
    assertThat(ledger.portStatuses()).hasSize(EnforcementLedger.MAX_PORTS_PER_WORKLOAD);
  }

  private static final PolicySource SERVER =
      PolicySource.enforced(new ObjectRef(ObjectRef.Kind.SERVER, "shop", "web"));
  private static final PolicySource TRIED =
      new PolicySource(
          new ObjectRef(ObjectRef.Kind.AUTHORIZATION_POLICY, "shop", "p"), EnforcementMode.AUDIT);

  @Test
  void anObjectIsInForceAtAProxyWhenItIsOnAllPortsThatItBearsOn() {
    ledger.opened(WEB, 80, new Stream(sent(7, SERVER), null, true));
    ledger.opened(WEB, 81, new Stream(sent(8, SERVER, TRIED), null, true));
    ledger.opened(API, 80, new Stream(sent(7, SERVER), null, true));
    ledger.acknowledged(WEB, 80, "", 7, "");
    ledger.acknowledged(API, 80, "", 7, "");
    assertThat(ledger.objectStatuses())
        .containsExactly(
            new ObjectEnforcementStatus(SERVER, 2, 1, List.of(WEB), 8),
            new ObjectEnforcementStatus(TRIED, 1, 0, List.of(WEB), 8));

    ledger.acknowledged(WEB, 81, "", 8, "");
    assertThat(ledger.objectStatuses())
        .containsExactly(
            new ObjectEnforcementStatus(SERVER, 2, 2, List.of(), 8),
            new ObjectEnforcementStatus(TRIED, 1, 1, List.of(), 8));
    assertThat(ledger.counts()).isEqualTo(new Counts(3, 3, 0, 0, 0));
  }

  @Test
  void aRefusalAStateNotSentAndSilenceKeepAnObjectBehind() {
    ledger.opened(WEB, 80, new Stream(sent(7, SERVER), null, true));
    ledger.acknowledged(WEB, 80, "", 7, "unknown protocol");
    ledger.opened(API, 80, new Stream(sent(7, SERVER), sent(8, SERVER), true));
    ledger.acknowledged(API, 80, "", 7, "");
    ObjectRef old = ObjectRef.pod("shop", "old");
    ledger.opened(old, 80, new Stream(sent(7, SERVER), null, false));
    assertThat(ledger.objectStatuses())
        .containsExactly(new ObjectEnforcementStatus(SERVER, 3, 0, List.of(API, old, WEB), 8));
    assertThat(ledger.counts()).isEqualTo(new Counts(3, 0, 1, 1, 1));
  }

  @Test
  void whileAProxyTakesThePlaceOfAnotherTheOneThatIsBehindCounts() {
    Stream before = new Stream(sent(8, SERVER), null, true, "before");
    Stream after = new Stream(sent(8, SERVER), null, true, "after");
    ledger.opened(WEB, 80, before);
    ledger.acknowledged(WEB, 80, "before", 7, "");
    ledger.opened(WEB, 80, after);
    // What one of them says is said for that one.
    ledger.acknowledged(WEB, 80, "after", 8, "");
    assertThat(only().inForce()).isFalse();
    assertThat(only().acknowledged()).isEqualTo(7);
    assertThat(ledger.objectStatuses())
        .containsExactly(new ObjectEnforcementStatus(SERVER, 1, 0, List.of(WEB), 8));
    assertThat(ledger.counts()).isEqualTo(new Counts(2, 0, 1, 0, 0));
    ledger.acknowledged(WEB, 80, "before", 8, "unknown protocol");
    assertThat(only().refusal()).isEqualTo("unknown protocol");
    ledger.acknowledged(WEB, 80, "before", 8, "");
    assertThat(only().inForce()).isTrue();
    assertThat(ledger.counts()).isEqualTo(new Counts(2, 1, 0, 0, 0));
  }

  @Test
  void aProxyThatIsGoneHoldsNobodyUpAndItsWordIsForgotten() {
    Stream before = new Stream(sent(8, SERVER), null, true, "before");
    ledger.opened(WEB, 80, before);
    ledger.opened(WEB, 80, new Stream(sent(8, SERVER), null, true, "after"));
    ledger.acknowledged(WEB, 80, "after", 8, "");
    ledger.acknowledged(WEB, 80, "before", 7, "");
    assertThat(only().inForce()).isFalse();
    ledger.closed(WEB, 80, before);
    assertThat(only().inForce()).isTrue();
    ledger.opened(WEB, 80, new Stream(sent(7, SERVER), null, true, "before"));
    assertThat(only().inForce()).isFalse();
  }

  @Test
  void whatManyProxiesOfAWorkloadSayIsBounded() {
    ledger.opened(WEB, 80, new Stream(sent(8, SERVER), null, true, "first"));
    ledger.acknowledged(WEB, 80, "first", 8, "");
    for (int i = 0; i < 100; i++) {
      ledger.acknowledged(WEB, 80, "other-" + i, 8, "");
    }
    // Nothing is in force by what has been forgotten.
    assertThat(only().inForce()).isFalse();
  }

  @Test
  void anObjectWithoutConnectedProxyIsNotListed() {
    Stream stream = new Stream(sent(7, SERVER), null, true);
    ledger.opened(WEB, 80, stream);
    ledger.closed(WEB, 80, stream);
    assertThat(ledger.objectStatuses()).isEmpty();
    assertThat(ledger.counts()).isEqualTo(new Counts(0, 0, 0, 0, 0));
  }

  @Test
  void eachGenerationThatComesIntoForceIsToldOnce() {
    List<Long> told = new ArrayList<>();
    EnforcementLedger telling = new EnforcementLedger(InstantSource.fixed(NOW), told::add);
    telling.acknowledged(WEB, 80, "", 7, "");
    telling.acknowledged(WEB, 80, "", 7, "");
    telling.acknowledged(WEB, 80, "", 8, "unknown protocol");
    telling.acknowledged(WEB, 81, "", 8, "");
    assertThat(told).containsExactly(7L, 8L);
    assertThat(telling.acknowledgements()).isEqualTo(4);
  }

  @Test
  void theStreamsOfAWorkloadAreBoundedWhateverItsPorts() {
    List<Stream> open = new ArrayList<>();
    for (int i = 0; i < EnforcementLedger.MAX_STREAMS_PER_WORKLOAD; i++) {
      Stream stream = new Stream(sent(7 + i), null, true);
      open.add(stream);
      assertThat(ledger.opened(WEB, 1 + i % 3, stream)).isTrue();
    }
    Stream more = new Stream(sent(6), null, true);
    assertThat(ledger.opened(WEB, 9, more)).isFalse();
    assertThat(ledger.opened(API, 9, more)).as("another workload").isTrue();
    ledger.closed(WEB, 1, open.getFirst());
    ledger.closed(WEB, 1, open.getFirst());
    assertThat(ledger.opened(WEB, 9, more)).isTrue();
    assertThat(ledger.opened(WEB, 10, more)).isFalse();
  }

  @Test
  void theStreamsOfOneCallerDoNotCountForAnother() {
    for (int i = 0; i < EnforcementLedger.MAX_STREAMS_PER_WORKLOAD; i++) {
      assertThat(ledger.opened(WEB, 80, of("node"))).isTrue();
    }
    assertThat(ledger.opened(WEB, 80, of("node"))).isFalse();
    assertThat(ledger.opened(WEB, 80, of("web"))).isTrue();
  }

  private static StreamProgress of(String speaker) {
    return new StreamProgress() {
      @Override
      public @Nullable EffectivePolicy sent() {
        return null;
      }

      @Override
      public @Nullable EffectivePolicy pending() {
        return null;
      }

      @Override
      public boolean acknowledges() {
        return true;
      }

      @Override
      public String speaker() {
        return speaker;
      }
    };
  }

  private PortEnforcementStatus only() {
    assertThat(ledger.portStatuses()).hasSize(1);
    return ledger.portStatuses().getFirst();
  }

  private static EffectivePolicy sent(long generation, PolicySource... sources) {
    return new EffectivePolicy(
        Server.newBuilder()
            .putLabels("group", "policy.linkerd.io")
            .putLabels("kind", "server")
            .putLabels("name", "web")
            .build(),
        generation,
        Set.of(sources));
  }

  private record Stream(
      @Nullable EffectivePolicy sent,
      @Nullable EffectivePolicy pending,
      boolean acknowledges,
      String instance)
      implements StreamProgress {
    Stream(
        @Nullable EffectivePolicy sent, @Nullable EffectivePolicy pending, boolean acknowledges) {
      this(sent, pending, acknowledges, "");
    }
  }
}
