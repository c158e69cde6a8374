package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.v1.RegoBundle;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bundles of the real opa, asked by the way of a proxy. */
class RegoAuthenticationTest {
  private static final Instant NOW = Instant.ofEpochSecond(1_700_000_000);

  @Test
  void allowsWhatTheRuleAllows() {
    RegoAuthentication mesh = TestBundles.compile("mesh/allow");
    assertThat(mesh.ask(Inputs.of("/orders/7"), NOW)).isEqualTo(answer(Outcome.ALLOW, null));
    assertThat(mesh.ask(Inputs.of("/admin"), NOW)).isEqualTo(answer(Outcome.DENY, null));
    assertThat(
            mesh.ask(
                Inputs.of(Inputs.WEB, "/orders/7", "", Map.of("shop/users", "{}"), List.of()), NOW))
        .isEqualTo(answer(Outcome.DENY, null));
    assertThat(
            mesh.ask(
                Inputs.of("eve", "/orders/7", "", Map.of("shop/users", Inputs.STAFF), List.of()),
                NOW))
        .isEqualTo(answer(Outcome.DENY, null));
  }

  @Test
  void deniesWithTheReasonOfThePolicy() {
    assertThat(TestBundles.compile("mesh/decision").ask(Inputs.of("/admin"), NOW))
        .isEqualTo(answer(Outcome.DENY, "only staff reads orders"));
    assertThat(TestBundles.compile("sprintf/decision").ask(Inputs.of("/"), NOW))
        .isEqualTo(answer(Outcome.DENY, "10.1.2.3 may not GET"));
  }

  @Test
  void policiesHaveTheDataOfTheirBundle() {
    RegoAuthentication roles = TestBundles.compile("roles/allow");
    assertThat(roles.ask(Inputs.of("alice", "/x", "", Map.of(), List.of()), NOW).outcome())
        .isEqualTo(Outcome.ALLOW);
    assertThat(roles.ask(Inputs.of("carol", "/x", "", Map.of(), List.of()), NOW).outcome())
        .isEqualTo(Outcome.NO_ANSWER);
  }

  @Test
  void expressionsAndPatternsAreThere() {
    RegoAuthentication regex =
        TestBundles.compile(
            TestBundles.message(TestBundles.bundle("regex"), "regex/allow")
                .setCpuTime(Duration.newBuilder().setSeconds(1)));
    assertThat(regex.ask(Inputs.of("/orders/7/items/1"), NOW).outcome()).isEqualTo(Outcome.ALLOW);
    assertThat(regex.ask(Inputs.of("/orders/x"), NOW).outcome()).isEqualTo(Outcome.NO_ANSWER);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          yes          | ALLOW     |
          no           | DENY      |
          undefined    | NO_ANSWER | the rule is undefined
          number       | NO_ANSWER | the rule is a number
          text         | NO_ANSWER | the rule is a text
          set          | NO_ANSWER | the rule is an array or a set
          null_answer  | NO_ANSWER | the rule is null
          no_allow     | NO_ANSWER | it has no "allow"
          wrong_allow  | NO_ANSWER | its "allow" is a text
          wrong_reason | NO_ANSWER | its "reason" is a number
          more         | NO_ANSWER | it has "deny"
          reasoned     | DENY      | /path
          """)
  void onlyKnownFormsAreAnswers(String rule, Outcome outcome, @Nullable String reason) {
    RegoAnswer answer = TestBundles.compile("answers/" + rule).ask(Inputs.of("/path"), NOW);
    assertThat(answer.outcome()).isEqualTo(outcome);
    if (reason == null) {
      assertThat(answer.reason()).isNull();
    } else {
      assertThat(answer.reason()).startsWith(reason);
    }
  }

  @Test
  void reasonsAreCutAndPrintable() {
    RegoInput input =
        Inputs.of(
            Inputs.WEB,
            "/\u001b[31m\n\u202e" + "a".repeat(246) + "\ud83d\ude00",
            "\ud800",
            Map.of(),
            List.of());
    String reason = TestBundles.compile("answers/long_reason").ask(input, NOW).reason();
    assertThat(reason).isEqualTo("/?[31m??" + "a".repeat(246) + "\ud83d\ude00").hasSize(256);
    RegoInput shifted =
        Inputs.of(Inputs.WEB, "a".repeat(255) + "\ud83d\ude00", "", Map.of(), List.of());
    assertThat(TestBundles.compile("answers/long_reason").ask(shifted, NOW).reason())
        .isEqualTo("a".repeat(255));
  }

  @Test
  void secretsOfTheHeadAreNotInTheInput() {
    RegoInput input =
        Inputs.of(
            Inputs.WEB,
            "/",
            "",
            Map.of(),
            List.of(
                new RegoInput.Field("authorization", "Bearer secret"),
                new RegoInput.Field("Cookie", "secret"),
                new RegoInput.Field("dpop", "secret"),
                new RegoInput.Field("proxy-authorization", "secret")));
    RegoAnswer answer = TestBundles.compile("answers/everything").ask(input, NOW);
    assertThat(answer.reason()).contains("10.1.2.3").doesNotContain("secret");
  }

  @Test
  void inputsHaveABound() {
    RegoAuthentication yes = TestBundles.compile("answers/yes");
    RegoInput large =
        Inputs.of(
            Inputs.WEB, "/", "", Map.of(), List.of(new RegoInput.Field("x", "a".repeat(64 << 10))));
    assertThat(yes.ask(large, NOW).outcome()).isEqualTo(Outcome.INPUT_TOO_LARGE);
    RegoInput most =
        Inputs.of(
            Inputs.WEB, "/", "", Map.of(), List.of(new RegoInput.Field("x", "a".repeat(63 << 10))));
    assertThat(yes.ask(most, NOW).outcome()).isEqualTo(Outcome.ALLOW);
  }

  @Test
  void claimsThatAreNoObjectFail() {
    RegoAuthentication yes = TestBundles.compile("answers/yes");
    for (String claims : List.of("", "[]", "{", "{}}", "{} x", "{\"a\":1,\"a\":2}", "1")) {
      RegoInput input = Inputs.of(Inputs.WEB, "/", "", Map.of("a/b", claims), List.of());
      assertThat(yes.ask(input, NOW).outcome()).as(claims).isEqualTo(Outcome.FAILED);
    }
  }

  @Test
  void anEndedBundleIsNotAskedAndItsEndMovesOnlyOnwards() {
    io.signetmesh.v1.RegoAuthentication.Builder message =
        TestBundles.message(TestBundles.bundle("answers"), "answers/yes");
    RegoAuthentication yes = TestBundles.compile(until(message, NOW.getEpochSecond()));
    assertThat(yes.ask(Inputs.of("/"), NOW.minusMillis(1)).outcome()).isEqualTo(Outcome.ALLOW);
    assertThat(yes.ask(Inputs.of("/"), NOW))
        .isEqualTo(answer(Outcome.UNAVAILABLE, "the bundle has ended at 2023-11-14T22:13:20Z"));
    yes.takeBundleEnd(until(message, NOW.getEpochSecond() + 10).build());
    yes.takeBundleEnd(until(message, NOW.getEpochSecond() + 5).build());
    yes.takeBundleEnd(until(message, -1).build());
    assertThat(yes.ask(Inputs.of("/"), NOW.plusSeconds(9)).outcome()).isEqualTo(Outcome.ALLOW);
    assertThat(yes.ask(Inputs.of("/"), NOW.plusSeconds(10)).outcome())
        .isEqualTo(Outcome.UNAVAILABLE);
    assertThat(RegoAuthentication.identity(until(message, 7).build()))
        .isEqualTo(RegoAuthentication.identity(until(message, 8).build()))
        .isEqualTo(
            message.clone().setBundle(message.getBundle().toBuilder().clearExpiresAt()).build());
  }

  private static io.signetmesh.v1.RegoAuthentication.Builder until(
      io.signetmesh.v1.RegoAuthentication.Builder message, long seconds) {
    RegoBundle.Builder bundle = message.getBundle().toBuilder();
    return message
        .clone()
        .setBundle(bundle.setExpiresAt(Timestamp.newBuilder().setSeconds(seconds)));
  }

  @Test
  void withoutABundleNobodyPasses() {
    io.signetmesh.v1.RegoAuthentication.Builder message =
        io.signetmesh.v1.RegoAuthentication.newBuilder()
            .setName("shop/orders")
            .setEntrypoint("mesh/allow");
    assertThat(TestBundles.compile(message).ask(Inputs.of("/"), NOW))
        .isEqualTo(answer(Outcome.UNAVAILABLE, "there is no bundle"));
    message.setBundle(RegoBundle.newBuilder().setUnavailable("the ConfigMap\nis gone"));
    assertThat(TestBundles.compile(message).ask(Inputs.of("/"), NOW))
        .isEqualTo(answer(Outcome.UNAVAILABLE, "the ConfigMap?is gone"));
  }

  @Test
  void thoseOfTheSameMessageAreEqualAndShareCode() throws InvalidRegoException {
    byte[] bundle = TestBundles.bundle("answers");
    RegoAuthentication one = TestBundles.compile(TestBundles.message(bundle, "answers/yes"));
    RegoAuthentication two = TestBundles.compile(TestBundles.message(bundle, "answers/yes"));
    assertThat(one).isEqualTo(two).hasSameHashCodeAs(two).hasToString("shop/orders");
    assertThat(one)
        .isNotEqualTo(TestBundles.compile(TestBundles.message(bundle, "answers/no")))
        .isNotEqualTo(
            TestBundles.compile(TestBundles.message(bundle, "answers/yes").setMaxMemory(2 << 20)));
    assertThat(TestBundles.code(bundle)).isSameAs(TestBundles.code(bundle.clone()));
    assertThat(one.requirement()).isEqualTo("yes from answers/yes of shop/orders");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "orders", "Shop/orders", "shop/orders/x", "shop/", "shop/or ders"})
  void aNameIsANamespaceAndAName(String name) {
    assertThatThrownBy(
            () ->
                RegoAuthentication.compile(
                    io.signetmesh.v1.RegoAuthentication.newBuilder()
                        .setName(name)
                        .setEntrypoint("a/b")
                        .build()))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining("expected namespace/name");
  }

  @Test
  void settingsOutOfRangeAreRefused() {
    io.signetmesh.v1.RegoAuthentication.Builder message =
        TestBundles.message(TestBundles.bundle("answers"), "answers/yes");
    assertRefused(message.clone().setEntrypoint(""), "expected a path such as mesh/allow");
    assertRefused(message.clone().setEntrypoint("/a"), "expected a path such as mesh/allow");
    assertRefused(message.clone().setMaxMemory((1 << 20) - 1), "expected 1 MiB to 64 MiB");
    assertRefused(message.clone().setMaxMemory((64 << 20) + 1), "expected 1 MiB to 64 MiB");
    assertRefused(message.clone().setMaxMemory(-1), "expected 1 MiB to 64 MiB");
    for (Duration duration :
        List.of(
            Duration.getDefaultInstance(),
            Duration.newBuilder().setNanos(999_999).build(),
            Duration.newBuilder().setSeconds(1).setNanos(1).build(),
            Duration.newBuilder().setSeconds(Long.MAX_VALUE).build(),
            Duration.newBuilder().setSeconds(-1).build())) {
      assertRefused(message.clone().setCpuTime(duration), "expected 1 ms to 1 s");
    }
    assertRefused(until(message, 253_402_300_800L), "expected a time until the year 9999");
  }

  @Test
  void anEntryPointThatIsNotThereIsToldWithTheNearest() {
    assertRefused(
        TestBundles.message(TestBundles.bundle("mesh"), "mesh/alow"),
        "shop/orders: the bundle has no entry point mesh/alow, did you mean mesh/allow?; it has"
            + " mesh/allow, mesh/decision");
    assertRefused(
        TestBundles.message(TestBundles.bundle("mesh"), "other"),
        "the bundle has no entry point other; it has mesh/allow, mesh/decision");
  }

  @Test
  void builtInFunctionsThatReachOutAreRefusedByName() {
    assertRefused(
        TestBundles.message(TestBundles.bundle("outside"), "outside/allow"),
        "the policy calls http.send, which is not there");
  }

  private static void assertRefused(
      io.signetmesh.v1.RegoAuthentication.Builder message, String error) {
    assertThatThrownBy(() -> RegoAuthentication.compile(message.build()))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(error);
  }

  private static RegoAnswer answer(Outcome outcome, @Nullable String reason) {
    return new RegoAnswer(outcome, reason);
  }
}
