package io.signetmesh.policy.fetch;

import static io.signetmesh.policy.TestPolicies.START;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.rego.BundleSource;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** When key sets are fetched, and what is published of them. */
final class DocumentsTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration DAY = Duration.ofHours(24);

  private final TestFetches fetches = new TestFetches();

  private JwtModel.FetchedKeys published(String name) {
    return Objects.requireNonNull(fetches.of(name));
  }

  @Test
  void equalLocationsAreFetchedOnceAndPublishedForEach() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.need("two", "a");
    fetches.tick();
    assertThat(fetches.fetchesOf("a")).isEqualTo(1);
    assertThat(published("one").keys()).isEqualTo(published("two").keys());
    assertThat(published("one").keys().size()).isEqualTo(1);
    assertThat(published("one").expiresAt()).isEqualTo(START.plus(Duration.ofHours(1)));
    assertThat(published("two").expiresAt()).isEqualTo(START.plus(DAY));
  }

  @Test
  void beforeTheFirstFetchAndAfterAFailureTheReasonIsPublished() {
    fetches.slow = true;
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().unavailable())
        .isEqualTo("the keys have not been fetched yet");
    fetches.waiting.pop().run();
    fetches.tick();
    assertThat(published("one").keys().unavailable())
        .isEqualTo("cannot be fetched: https://id.example/a is away");
    assertThat(fetches.status("one").state()).isEqualTo(DocumentStatus.State.UNAVAILABLE);
    assertThat(fetches.status("one").errorKind()).isEqualTo(FetchException.Kind.CONNECTION);
  }

  @Test
  void aSetIsFetchedAgainWithinItsInterval() {
    fetches.serve("a", TestKeys.key("1"), TestKeys.key("2"));
    fetches.need("one", "a", Duration.ofMinutes(1), DAY);
    fetches.tick();
    fetches.serve("a", TestKeys.key("2"));
    fetches.pass(Duration.ofSeconds(60), SECOND);
    assertThat(published("one").keys().jwks()).doesNotContain("\"1\"").contains("\"2\"");
    fetches.pass(Duration.ofMinutes(60), SECOND);
    assertThat(fetches.fetchesOf("a")).isBetween(60, 70);
  }

  @Test
  void aFailureIsTriedAgainAfterGrowingPauses() {
    fetches.need("one", "a");
    fetches.pass(Duration.ofMinutes(30), Duration.ofMillis(100));
    List<Double> pauses = new ArrayList<>();
    for (int i = 1; i < fetches.times.size(); i++) {
      pauses.add(
          Duration.between(fetches.times.get(i - 1), fetches.times.get(i)).toMillis() / 1_000.0);
    }
    double longest = 1;
    for (double pause : pauses) {
      assertThat(pause).isBetween(longest / 2 - 0.01, longest + 0.11);
      longest = Math.min(longest * 2, 300);
    }
    assertThat(pauses).hasSizeBetween(13, 22);
  }

  @Test
  void theLastGoodSetIsUsedUntilMaxAgeAndNoLonger() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    Instant fetched = fetches.now;
    fetches.served.clear();
    fetches.pass(Duration.ofMinutes(59), SECOND);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(published("one").expiresAt()).isEqualTo(fetched.plus(Duration.ofHours(1)));
    assertThat(published("one").failure())
        .contains("is used until " + fetched.plus(Duration.ofHours(1)), "is away");
    assertThat(fetches.status("one").state()).isEqualTo(DocumentStatus.State.STALE);
    fetches.pass(Duration.ofMinutes(1), SECOND);
    assertThat(published("one").keys().areThere()).isFalse();
    assertThat(published("one").keys().unavailable()).contains("older than maxAge of 3600 s");
    assertThat(fetches.status("one").state()).isEqualTo(DocumentStatus.State.UNAVAILABLE);
    fetches.serve("a", TestKeys.key("1"));
    fetches.pass(Duration.ofMinutes(5), SECOND);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(fetches.status("one").state()).isEqualTo(DocumentStatus.State.FRESH);
  }

  @Test
  void oneBadLocationChangesNothingForOthers() {
    fetches.serve("good", TestKeys.key("1"));
    fetches.served.put(TestFetches.at("garbage"), "<html>");
    fetches.need("a", "good");
    fetches.need("b", "away");
    fetches.need("c", "garbage");
    fetches.pass(Duration.ofHours(1), SECOND);
    assertThat(published("a").keys().areThere()).isTrue();
    assertThat(fetches.fetchesOf("good")).isBetween(12, 15);
    assertThat(published("c").keys().unavailable()).contains("cannot be fetched");
    assertThat(fetches.status("c").errorKind()).isEqualTo(FetchException.Kind.CONTENT);
  }

  @Test
  void anEmptySetIsNoGoodSetAndABadKeySpoilsNoOther() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.served.put(TestFetches.at("a"), "{\"keys\":[]}");
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(published("one").keys().jwks()).contains("\"1\"");
    assertThat(published("one").failure()).contains("no key that can be used");
    fetches.serve("a", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", TestKeys.key("2"));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(published("one").keys().jwks()).contains("\"2\"");
    assertThat(published("one").keys().problems()).hasSize(1);
    assertThat(published("one").failure()).isNull();
  }

  @Test
  void aSetWithTooManyKeysIsNoGoodSet() {
    String[] keys = new String[101];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = TestKeys.key("k" + i);
    }
    fetches.serve("a", keys);
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().unavailable()).contains("101 keys: expected at most 100");
  }

  @Test
  void theSameKeysAreToldAgainOnceAnHour() {
    String key = TestKeys.key("1");
    fetches.serve("a", key);
    fetches.need("one", "a");
    fetches.tick();
    int first = fetches.publications;
    fetches.pass(Duration.ofHours(10), SECOND);
    assertThat(fetches.fetchesOf("a")).isGreaterThan(100);
    assertThat(fetches.publications - first).isBetween(8, 10);
    Instant told = Objects.requireNonNull(published("one").expiresAt());
    assertThat(told).isBetween(fetches.now.plus(Duration.ofHours(22)), fetches.now.plus(DAY));
  }

  @Test
  void theFirstFailureTellsTheTrueEnd() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.pass(Duration.ofMinutes(30), SECOND);
    Instant last = Objects.requireNonNull(fetches.status("one").fetchedAt());
    assertThat(published("one").expiresAt()).isBefore(last.plus(DAY));
    fetches.served.clear();
    fetches.pass(Duration.ofMinutes(6), SECOND);
    Instant success = Objects.requireNonNull(fetches.status("one").fetchedAt());
    assertThat(published("one").expiresAt()).isEqualTo(success.plus(DAY));
    int before = fetches.publications;
    fetches.pass(Duration.ofHours(2), SECOND);
    assertThat(fetches.publications).isEqualTo(before);
  }

  @Test
  void unknownKeysLeadToThreeFetchesAtOnceAndThenToOneInThirtySeconds() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.sets.unknownKey(TestFetches.ref("one"), "1");
    fetches.pass(Duration.ofSeconds(2), SECOND);
    assertThat(fetches.fetchesOf("a")).isEqualTo(1);
    for (int i = 0; i < 20; i++) {
      fetches.sets.unknownKey(TestFetches.ref("one"), "made up");
      fetches.pass(SECOND, SECOND);
    }
    assertThat(fetches.fetchesOf("a")).isEqualTo(1 + 3);
    for (int i = 0; i < 60; i++) {
      fetches.sets.unknownKey(TestFetches.ref("one"), "made up");
      fetches.pass(SECOND, SECOND);
    }
    assertThat(fetches.fetchesOf("a")).isEqualTo(1 + 3 + 2);
    fetches.sets.unknownKey(TestFetches.ref("nobody"), "3");
  }

  @Test
  void aRotationThatFollowsAMadeUpKeyDoesNotWait() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.pass(Duration.ofSeconds(2), SECOND);
    fetches.sets.unknownKey(TestFetches.ref("one"), "made up");
    fetches.pass(Duration.ofSeconds(2), SECOND);
    fetches.serve("a", TestKeys.key("2"));
    fetches.sets.unknownKey(TestFetches.ref("one"), "2");
    fetches.tick();
    assertThat(published("one").keys().jwks()).contains("\"2\"");
  }

  @Test
  void aClockThatIsSetBackKeepsNoFetchAway() {
    FetchAllowance allowance = new FetchAllowance(START);
    for (int i = 0; i < FetchAllowance.MOST; i++) {
      assertThat(allowance.take(START)).isTrue();
    }
    assertThat(allowance.take(START)).isFalse();
    Instant before = START.minus(DAY);
    assertThat(allowance.take(before)).isFalse();
    assertThat(allowance.take(before.plus(FetchAllowance.PAUSE))).isTrue();
    assertThat(allowance.take(before.plus(DAY))).isTrue();
  }

  @Test
  void theLastGoodSetSurvivesARestartWithItsAge() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    fetches.served.clear();
    fetches.published.clear();
    fetches.now = START.plus(Duration.ofMinutes(30));
    fetches.sets = fetches.start();
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.sets.tick(fetches);
    assertThat(published("one").keys().areThere()).isTrue();
    assertThat(published("one").expiresAt()).isEqualTo(START.plus(Duration.ofHours(1)));
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);

    fetches.now = START.plus(Duration.ofMinutes(61));
    fetches.sets = fetches.start();
    fetches.need("one", "a", Duration.ofMinutes(5), Duration.ofHours(1));
    fetches.tick();
    assertThat(published("one").keys().areThere()).isFalse();

    fetches.now = START.minusSeconds(1);
    fetches.sets = fetches.start();
    fetches.need("one", "a");
    fetches.tick();
    assertThat(published("one").keys().areThere()).as("a set of the future").isFalse();
  }

  @Test
  void anotherLocationHasNoKeysOfTheFormerOne() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a");
    fetches.tick();
    fetches.need("one", "b");
    fetches.tick();
    assertThat(published("one").location()).isEqualTo(TestFetches.at("b"));
    assertThat(published("one").keys().areThere()).isFalse();
    fetches.need("two", "a");
    fetches.unneed("one");
    fetches.tick();
    assertThat(fetches.of("one")).isNull();
    assertThat(fetches.retained).containsExactly(TestFetches.at("a"));
    int before = fetches.fetchesOf("b");
    fetches.pass(Duration.ofHours(1), SECOND);
    assertThat(fetches.fetchesOf("b")).isEqualTo(before);
  }

  @Test
  void aShorterIntervalCountsAtOnce() {
    fetches.serve("a", TestKeys.key("1"));
    fetches.need("one", "a", Duration.ofHours(1), DAY);
    fetches.tick();
    fetches.need("one", "a", Duration.ofSeconds(10), DAY);
    fetches.pass(Duration.ofSeconds(11), SECOND);
    assertThat(fetches.fetchesOf("a")).isEqualTo(2);
  }

  @Test
  void fetchesUnderWayAreBoundedAndOneNamespaceTakesHalfOfThem() {
    fetches.slow = true;
    for (int i = 0; i < 40; i++) {
      fetches.need("a" + i, "k" + i);
    }
    fetches.tick();
    assertThat(fetches.waiting).hasSize(Documents.MAX_FETCHES / 2);
    fetches.waiting.pop().run();
    fetches.tick();
    assertThat(fetches.waiting).hasSize(Documents.MAX_FETCHES / 2);
    assertThat(fetches.sets.counts(ObjectRef.Kind.JWT_AUTHENTICATION))
        .isEqualTo(new Documents.Counts(0, 1));
    assertThat(fetches.sets.counts(ObjectRef.Kind.REGO_AUTHENTICATION))
        .isEqualTo(new Documents.Counts(0, 0));
    for (int namespace = 0; namespace < 40; namespace++) {
      for (int i = 0; i < 40; i++) {
        fetches.needIn("n" + namespace, "a" + i, "n" + namespace + "k" + i);
      }
    }
    fetches.tick();
    assertThat(fetches.waiting).hasSize(Documents.MAX_FETCHES);
  }

  @Test
  void aNamespaceWhoseServersDoNotAnswerKeepsNoOtherOneWaiting() {
    fetches.slow = true;
    for (int i = 0; i < 100; i++) {
      fetches.needIn("slow", "a" + i, "k" + i);
    }
    fetches.pass(Duration.ofMinutes(1), SECOND);
    assertThat(fetches.waiting).hasSize(Documents.MAX_FETCHES / 2);
    fetches.serve("good", TestKeys.key("1"));
    fetches.need("one", "good");
    fetches.tick();
    fetches.waiting.removeLast().run();
    fetches.tick();
    assertThat(published("one").keys().areThere()).isTrue();
  }

  @Test
  void whatNobodyNeedsAnyMoreCountsUntilItsFetchHasEnded() {
    fetches.slow = true;
    for (int i = 0; i < 100; i++) {
      fetches.needIn("slow", "a", "k" + i);
      fetches.tick();
    }
    assertThat(fetches.waiting).hasSize(Documents.MAX_FETCHES / 2);
  }

  @Test
  void theNamespaceWithTheFewestFetchesUnderWayIsNext() {
    fetches.slow = true;
    for (int i = 0; i < 4; i++) {
      fetches.needIn("many", "a" + i, "k" + i);
    }
    fetches.now = fetches.now.plusSeconds(1);
    fetches.needIn("few", "a", "other");
    fetches.tick();
    // Due last, and fetched first after one of the others.
    fetches.served.put(TestFetches.at("other"), "{}");
    fetches.waiting.pop().run();
    fetches.waiting.pop().run();
    assertThat(fetches.fetches).containsKey(TestFetches.at("other"));
  }

  @Test
  void aBundleIsFetchedAsKeysAreAndABadOneReplacesNone() {
    DocumentLocation location = DocumentLocation.bundle("https://id.example/bundle", "");
    ObjectRef rules = new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, "shop", "rules");
    fetches.bundles.put(location, TestPolicies.bundle(1).content());
    fetches.sets.follow(
        Map.of(
            rules,
            Optional.of(
                new BundleSource.Fetched(location, Duration.ofMinutes(5), Duration.ofHours(1)))));
    fetches.tick();
    assertThat(bundle(rules).bundle()).isEqualTo(TestPolicies.bundle(1));
    assertThat(bundle(rules).expiresAt()).isEqualTo(START.plus(Duration.ofHours(1)));
    assertThat(fetches.kept).containsKey(location);

    fetches.bundles.put(location, ByteString.copyFromUtf8("<html>"));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(bundle(rules).bundle()).isEqualTo(TestPolicies.bundle(1));
    assertThat(bundle(rules).failure()).contains("is no bundle: expected a gzipped tar");
    DocumentStatus status = fetches.sets.statuses(ObjectRef.Kind.REGO_AUTHENTICATION).getFirst();
    assertThat(status.state()).isEqualTo(DocumentStatus.State.STALE);
    assertThat(status.size()).isEqualTo(TestPolicies.bundle(1).size());
    assertThat(fetches.sets.statuses(ObjectRef.Kind.JWT_AUTHENTICATION)).isEmpty();

    fetches.bundles.put(location, TestPolicies.bundle(2).content());
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(bundle(rules).bundle()).isEqualTo(TestPolicies.bundle(2));
    fetches.bundles.clear();
    fetches.pass(Duration.ofMinutes(61), SECOND);
    assertThat(bundle(rules).bundle().unavailable())
        .contains("the last good bundle is of", "older than maxAge of 3600 s");
    fetches.sets.follow(Map.of(rules, Optional.empty()));
    fetches.tick();
    assertThat(fetches.published).isEmpty();
  }

  private RegoModel.FetchedBundle bundle(ObjectRef authentication) {
    return (RegoModel.FetchedBundle)
        Objects.requireNonNull(fetches.published.get(RegoModel.bundleOf(authentication)));
  }

  @Test
  void aBundleSurvivesARestartWithItsAge() {
    DocumentLocation location = DocumentLocation.bundleFile("shop", "b.tar.gz");
    ObjectRef rules = new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, "shop", "rules");
    fetches.kept.put(
        location,
        new DocumentMemory.Kept(TestPolicies.bundle(1).content(), START.minusSeconds(60)));
    fetches.sets.follow(
        Map.of(
            rules,
            Optional.of(
                new BundleSource.Fetched(location, Duration.ofSeconds(5), Duration.ofHours(1)))));
    fetches.sets.tick(fetches);
    assertThat(bundle(rules).bundle()).isEqualTo(TestPolicies.bundle(1));
    assertThat(bundle(rules).expiresAt())
        .isEqualTo(START.minusSeconds(60).plus(Duration.ofHours(1)));
  }

  @Test
  void anArchiveThatNoProxyCanUseDoesNotReplaceTheLastGoodBundle() {
    fetches.bundles.put(url("b"), TestPolicies.bundle(1).content());
    needBundle(RULES, url("b"), SECOND);
    fetches.tick();
    fetches.bundles.put(url("b"), TestPolicies.packed(Map.of("data.json", new byte[] {'{', '}'})));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(bundle(RULES).bundle()).isEqualTo(TestPolicies.bundle(1));
    assertThat(bundle(RULES).failure())
        .contains("no proxy can use it: the bundle has no policy.wasm");
    assertThat(Objects.requireNonNull(fetches.kept.get(url("b"))).content())
        .isEqualTo(TestPolicies.bundle(1).content());
  }

  private static final ObjectRef RULES =
      new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, "shop", "rules");

  private static DocumentLocation url(String name) {
    return DocumentLocation.bundle("https://id.example/" + name, "");
  }

  private void needBundle(ObjectRef authentication, DocumentLocation location, Duration refresh) {
    fetches.sets.follow(
        Map.of(
            authentication,
            Optional.of(new BundleSource.Fetched(location, refresh, Duration.ofHours(1)))));
  }

  private static ObjectRef rules(String namespace, int number) {
    return new ObjectRef(ObjectRef.Kind.REGO_AUTHENTICATION, namespace, "rules" + number);
  }

  /** Has bundles of the greatest size fetched, each from a location of its own. */
  private void needLarge(String namespace, int count) {
    for (int i = 0; i < count; i++) {
      DocumentLocation location = url(namespace + i);
      fetches.bundles.put(location, TestPolicies.largeBundle(namespace.hashCode() + i));
      needBundle(rules(namespace, i), location, Duration.ofMinutes(5));
    }
    fetches.pass(Duration.ofSeconds(20), SECOND);
  }

  private long there(String namespace) {
    return fetches.published.values().stream()
        .filter(object -> object.ref().namespace().equals(namespace))
        .filter(object -> ((RegoModel.FetchedBundle) object).bundle().isThere())
        .count();
  }

  @Test
  void aBundleThatChangesAllTheTimeIsPublishedAtOnceAndThenOnceInThirtySeconds() {
    int changes = 0;
    Object last = null;
    for (int i = 0; i < 300; i++) {
      fetches.bundles.put(url("b"), TestPolicies.bundle(i).content());
      needBundle(RULES, url("b"), SECOND);
      fetches.tick();
      assertThat(bundle(RULES).bundle().isThere()).isTrue();
      if (!bundle(RULES).bundle().equals(last)) {
        last = bundle(RULES).bundle();
        changes++;
      }
      fetches.now = fetches.now.plusSeconds(1);
    }
    assertThat(changes).isEqualTo(10);
    fetches.pass(Duration.ofSeconds(30), SECOND);
    assertThat(bundle(RULES).bundle()).isEqualTo(TestPolicies.bundle(299));
    // Another location is another bundle.
    fetches.bundles.put(url("c"), TestPolicies.bundle(1).content());
    needBundle(RULES, url("c"), SECOND);
    fetches.tick();
    assertThat(bundle(RULES).bundle()).isEqualTo(TestPolicies.bundle(1));
  }

  @Test
  void aServerThatIsAwayEverySecondTimeCausesNoPublicationEachSecond() {
    fetches.bundles.put(url("b"), TestPolicies.bundle(1).content());
    fetches.sets.follow(
        Map.of(
            RULES, Optional.of(new BundleSource.Fetched(url("b"), SECOND, Duration.ofMinutes(1)))));
    fetches.tick();
    int before = fetches.publications;
    for (int i = 0; i < 300; i++) {
      if (i % 2 == 0) {
        fetches.bundles.clear();
      } else {
        fetches.bundles.put(url("b"), TestPolicies.bundle(1).content());
      }
      fetches.pass(Duration.ofSeconds(2), SECOND);
      assertThat(bundle(RULES).bundle().isThere()).isTrue();
      assertThat(bundle(RULES).expiresAt()).isAfter(fetches.now);
    }
    assertThat(fetches.publications - before).isBetween(10, 20);
  }

  @Test
  void aNamespaceHasFourMebibytesAndOthersTheirs() {
    needLarge("greedy", 9);
    assertThat(there("greedy")).isEqualTo(4);
    assertThat(fetches.bundles.keySet().stream().filter(fetches.fetches::containsKey)).hasSize(4);
    assertThat(
            fetches.published.values().stream()
                .map(object -> ((RegoModel.FetchedBundle) object).bundle().unavailable())
                .filter(why -> !why.isEmpty())
                .distinct())
        .hasSize(5)
        .allMatch(
            why -> why.contains(" is not fetched: the documents of namespace greedy have 41"));
    needLarge("modest", 1);
    assertThat(there("modest")).isEqualTo(1);
    // What is known is fetched anew, and what goes makes room.
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(there("greedy")).isEqualTo(4);
    assertThat(
            fetches.sets.statuses(ObjectRef.Kind.REGO_AUTHENTICATION).stream()
                .filter(status -> status.state() == DocumentStatus.State.FRESH))
        .hasSize(5);
    ObjectRef gone =
        fetches.sets.statuses(ObjectRef.Kind.REGO_AUTHENTICATION).stream()
            .filter(status -> status.state() == DocumentStatus.State.FRESH)
            .map(DocumentStatus::authentication)
            .findFirst()
            .orElseThrow();
    fetches.sets.follow(Map.of(gone, Optional.empty()));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(there("greedy")).isEqualTo(4);
  }

  @Test
  void allNamespacesTogetherHaveSixtyFourMebibytesAndWhoComesLateGetsAsMuchAsTheOthers() {
    for (int i = 0; i < 16; i++) {
      needLarge("n" + i, 4);
    }
    assertThat(fetches.published.values().stream().filter(DocumentsTest::isThere)).hasSize(64);
    needLarge("late", 4);
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(fetches.published.values().stream().filter(DocumentsTest::isThere)).hasSize(64);
    assertThat(there("late")).isBetween(3L, 4L);
    for (int i = 0; i < 16; i++) {
      assertThat(there("n" + i)).isBetween(3L, 4L);
    }
    List<String> why =
        fetches.published.values().stream()
            .map(object -> ((RegoModel.FetchedBundle) object).bundle().unavailable())
            .filter(text -> !text.isEmpty())
            .toList();
    assertThat(why).hasSize(4);
    assertThat(why)
        .allMatch(
            text ->
                text.contains("was given up: the documents of all namespaces have 67108864 bytes")
                    && text.contains(" had most"));
  }

  @Test
  void aSmallDocumentOfASmallNamespaceAlwaysHasRoomAndCostsNobodyElseWhatIsThere() {
    for (int i = 0; i < 16; i++) {
      needLarge("n" + i, 4);
    }
    for (int i = 0; i < 4; i++) {
      fetches.bundles.put(url("small" + i), TestPolicies.bundle(i).content());
      needBundle(rules("small" + i, 0), url("small" + i), Duration.ofMinutes(5));
      fetches.tick();
      assertThat(bundle(rules("small" + i, 0)).bundle().isThere()).isTrue();
    }
    for (int i = 0; i < 3; i++) {
      assertThat(fetches.published.values().stream().filter(DocumentsTest::isThere)).hasSize(68);
      fetches.pass(Duration.ofMinutes(6), SECOND);
    }
    // One that grows takes its room from those that have most.
    fetches.bundles.put(url("small1"), TestPolicies.largeBundle(1));
    fetches.pass(Duration.ofMinutes(6), SECOND);
    assertThat(bundle(rules("small1", 0)).bundle().size()).isGreaterThan(1_000_000);
    List<String> given =
        fetches.published.values().stream()
            .map(object -> ((RegoModel.FetchedBundle) object).bundle().unavailable())
            .filter(text -> !text.isEmpty())
            .toList();
    assertThat(given).singleElement().asString().contains("was given up", "had most");
  }

  private static boolean isThere(PolicyObject object) {
    return ((RegoModel.FetchedBundle) object).bundle().isThere();
  }

  @Test
  void beyondTheBudgetNothingIsLoadedFromFilesEither() {
    for (int i = 0; i < 9; i++) {
      fetches.kept.put(url("b" + i), new DocumentMemory.Kept(TestPolicies.largeBundle(i), START));
      needBundle(rules("shop", i), url("b" + i), Duration.ofMinutes(5));
    }
    assertThat(fetches.loads).isEqualTo(4);
    fetches.sets.tick(fetches);
    assertThat(there("shop")).isEqualTo(4);
  }

  @Test
  void whatIsUnderWayTakesItsRoomBeforehand() {
    fetches.slow = true;
    for (int i = 0; i < 9; i++) {
      needBundle(rules("shop", i), url("b" + i), Duration.ofMinutes(5));
    }
    fetches.tick();
    assertThat(fetches.waiting).hasSize(4);
    assertThat(bundle(rules("shop", 8)).failure()).as("it waits for its turn").isNull();
    for (int i = 0; i < 9; i++) {
      fetches.bundles.put(url("b" + i), TestPolicies.bundle(i).content());
    }
    for (int i = 0; i < 9; i++) {
      fetches.waiting.pop().run();
      fetches.tick();
    }
    assertThat(there("shop")).as("small ones have room").isEqualTo(9);
  }

  @Test
  void nothingHappensAfterTheEnd() {
    fetches.need("one", "a");
    fetches.sets.close();
    fetches.tick();
    assertThat(fetches.fetches).isEmpty();
    assertThat(fetches.publications).isZero();
  }
}
