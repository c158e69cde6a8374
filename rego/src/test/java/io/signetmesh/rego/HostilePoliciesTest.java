package io.signetmesh.rego;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Duration;
import io.signetmesh.rego.RegoAnswer.Outcome;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Policies that harm themselves, and nobody else. */
class HostilePoliciesTest {
  private static final Instant NOW = Instant.EPOCH;

  /** Counts to 300 million, which takes 100 ms or more. */
  private static final int[] BUSY = {
    0x03,
    0x40, // loop
    0x20,
    0,
    0x41,
    1,
    0x6a,
    0x22,
    0, // variable + 1
    0x41,
    0x80,
    0xc6,
    0x86,
    0x8f,
    1, // i32.const 300,000,000
    0x49,
    0x0d,
    0,
    0x0b // br_if less, end
  };

  private static RegoAuthentication attack(String rule) {
    return TestBundles.compile(
        TestBundles.message(TestBundles.bundle("attacks"), "attacks/" + rule)
            .setCpuTime(Duration.newBuilder().setNanos(50_000_000)));
  }

  private static RegoAuthentication attack(byte[] evalBody, int milliseconds) {
    byte[] module = TestModule.withFunction(TestBundles.module("answers"), "eval", evalBody);
    return TestBundles.compile(
        TestBundles.message(TestBundles.bundleOf(module), "answers/yes")
            .setCpuTime(Duration.newBuilder().setNanos(milliseconds * 1_000_000)));
  }

  @Test
  void whatNeverEndsIsEnded() {
    RegoAuthentication loops = attack("loops");
    long begun = System.nanoTime();
    assertThat(loops.ask(Inputs.of("/"), NOW))
        .isEqualTo(
            new RegoAnswer(
                Outcome.OUT_OF_TIME, "it took more than 50 ms of CPU time, or ten times that"));
    assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun)).isLessThan(10);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void anEmptyLoopIsEnded() {
    // loop br 0 end i32.const 0
    RegoAuthentication loops = attack(TestModule.body(0x03, 0x40, 0x0c, 0, 0x0b, 0x41, 0), 50);
    assertThat(loops.ask(Inputs.of("/"), NOW).outcome()).isEqualTo(Outcome.OUT_OF_TIME);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void aLoopByATableIsEnded() {
    // loop i32.const 0 br_table 0 0 end i32.const 0
    RegoAuthentication loops =
        attack(TestModule.body(0x03, 0x40, 0x41, 0, 0x0e, 1, 0, 0, 0x0b, 0x41, 0), 50);
    assertThat(loops.ask(Inputs.of("/"), NOW).outcome()).isEqualTo(Outcome.OUT_OF_TIME);
  }

  @Test
  void oneThatWantsAGibibyteIsEnded() {
    RegoAuthentication grows =
        TestBundles.compile(
            TestBundles.message(TestBundles.bundle("attacks"), "attacks/grows")
                .setMaxMemory(4 << 20)
                .setCpuTime(Duration.newBuilder().setSeconds(1)));
    long before = used();
    assertThat(grows.ask(Inputs.of("/"), NOW))
        .isEqualTo(
            new RegoAnswer(Outcome.OUT_OF_MEMORY, "it wanted more than 4,194,304 bytes of memory"));
    assertThat(used()).isLessThanOrEqualTo(before);
    RegoAuthentication strings =
        TestBundles.compile(
            TestBundles.message(TestBundles.bundle("attacks"), "attacks/strings")
                .setCpuTime(Duration.newBuilder().setSeconds(1)));
    assertThat(strings.ask(Inputs.of("/".repeat(1000)), NOW).outcome())
        .isEqualTo(Outcome.OUT_OF_MEMORY);
    assertThat(used()).isLessThanOrEqualTo(before);
  }

  /** Memory in use by other than idle instances. */
  private static long used() {
    InstancePool.releaseAll();
    return MemoryBudget.SHARED.used();
  }

  @Test
  void oneThatThrowsHasFailed() {
    RegoAnswer answer = attack("throws").ask(Inputs.of("/"), NOW);
    assertThat(answer.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(answer.reason()).contains("var assignment conflict");
  }

  @Test
  void oneThatCallsItselfHasFailed() {
    byte[] module = TestBundles.module("answers");
    int eval = TestModule.function(module, "eval");
    // local.get 0 call eval
    RegoAuthentication recursive =
        attack(TestModule.body(0x20, 0, 0x10, eval & 0x7f | 0x80, eval >> 7), 1000);
    RegoAnswer answer = recursive.ask(Inputs.of("/"), NOW);
    assertThat(answer.outcome()).isEqualTo(Outcome.FAILED);
    // The stack that it filled harms no policy after it.
    assertThat(TestBundles.compile("sprintf/decision").ask(Inputs.of("/"), NOW).outcome())
        .isEqualTo(Outcome.DENY);
  }

  @Test
  void oneThatTrapsHasFailed() {
    assertThat(attack(TestModule.body(0x00), 50).ask(Inputs.of("/"), NOW).outcome())
        .isEqualTo(Outcome.FAILED);
    // i32.const -8 i32.load: outside of its memory
    assertThat(
            attack(TestModule.body(0x41, 0x78, 0x28, 2, 0), 50).ask(Inputs.of("/"), NOW).outcome())
        .isEqualTo(Outcome.FAILED);
    // i32.const 1: an error code
    assertThat(attack(TestModule.body(0x41, 1), 50).ask(Inputs.of("/"), NOW))
        .isEqualTo(new RegoAnswer(Outcome.FAILED, "the policy ended with code 1"));
    // opa_abort of an address outside of its memory
    assertThat(
            attack(TestModule.body(0x41, 0x78, 0x10, abort(), 0x41, 0), 50)
                .ask(Inputs.of("/"), NOW)
                .outcome())
        .isEqualTo(Outcome.FAILED);
  }

  private static int abort() {
    return TestModule.importedFunction(TestBundles.module("answers"), "opa_abort");
  }

  @Test
  void builtInFunctionsThatWereNotAnnouncedAreNotCalled() {
    int builtin = TestModule.importedFunction(TestBundles.module("answers"), "opa_builtin2");
    // i32.const 0, four times, call opa_builtin2
    assertThat(
            attack(TestModule.body(0x41, 0, 0x41, 0, 0x41, 0, 0x41, 0, 0x10, builtin), 50)
                .ask(Inputs.of("/"), NOW))
        .isEqualTo(
            new RegoAnswer(
                Outcome.FAILED,
                "it calls built-in function 0 with 2 arguments, which it has not announced"));
  }

  @Test
  void nothingIsLeftOfTheRequestBefore() {
    // Ends with code 1 if the address 16 holds something, and writes there:
    // i32.const 16 i32.load if i32.const 1 return end i32.const 16 i32.const 1 i32.store i32.const
    // 2
    byte[] body =
        TestModule.body(
            0x41, 16, 0x28, 2, 0, 0x04, 0x40, 0x41, 1, 0x0f, 0x0b, 0x41, 16, 0x41, 1, 0x36, 2, 0,
            0x41, 2);
    RegoAuthentication remembers = attack(body, 50);
    for (int i = 0; i < 3; i++) {
      assertThat(remembers.ask(Inputs.of("/"), NOW).reason())
          .isEqualTo("the policy ended with code 2");
    }
  }

  @Test
  void theInputOfOneRequestIsNotSeenByTheNext() throws InvalidRegoException {
    PolicyCode code = TestBundles.code(TestBundles.bundle("answers"));
    PolicyInstance instance = code.instance(256, TestBundles.BUDGET);
    byte[] before = instance.memory();
    byte[] input = "{\"time\":1,\"request\":{\"path\":\"secret-of-the-first\"}}".getBytes(UTF_8);
    int rule = code.entrypoints().getOrDefault("answers/reasoned", -1);
    assertThat(new String(instance.evaluate(rule, input), UTF_8)).contains("secret-of-the-first");
    assertThat(new String(instance.memory(), ISO_8859_1)).contains("secret-of-the-first");
    instance.restore();
    assertThat(instance.memory()).isEqualTo(before);
  }

  @Test
  void anInstanceThatWasEndedIsThrownAway() {
    RegoAuthentication chosen = attack("chosen");
    assertThat(chosen.ask(Inputs.of("/loops"), NOW).outcome()).isEqualTo(Outcome.OUT_OF_TIME);
    for (int i = 0; i < 20; i++) {
      assertThat(chosen.ask(Inputs.of("/innocent"), NOW).outcome()).isEqualTo(Outcome.ALLOW);
    }
    assertThat(chosen.ask(Inputs.of("/other"), NOW).outcome()).isEqualTo(Outcome.DENY);
  }

  @Test
  void aThreadThatIsInterruptedAlreadyStaysSoAndIsAnswered() {
    RegoAuthentication yes = TestBundles.compile("answers/yes");
    Thread.currentThread().interrupt();
    try {
      assertThat(yes.ask(Inputs.of("/"), NOW).outcome()).isEqualTo(Outcome.ALLOW);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void neighboursAreUnharmed() throws Exception {
    RegoAuthentication innocent =
        TestBundles.compile(
            TestBundles.message(TestBundles.bundle("mesh"), "mesh/allow")
                .setName("other/innocent")
                .setCpuTime(Duration.newBuilder().setNanos(200_000_000)));
    List<RegoAuthentication> hostile =
        List.of(attack("loops"), attack("strings"), attack("throws"), attack("grows"));
    long before = used();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<Outcome>> asked = new ArrayList<>();
      List<Future<Outcome>> attacked = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        if (i % 40 == 0) {
          RegoAuthentication attack = hostile.get(i / 40 % hostile.size());
          attacked.add(
              threads.submit(() -> attack.ask(Inputs.of("/".repeat(1000)), NOW).outcome()));
        }
        asked.add(threads.submit(() -> innocent.ask(Inputs.of("/orders/7"), NOW).outcome()));
      }
      for (Future<Outcome> outcome : asked) {
        assertThat(outcome.get()).isEqualTo(Outcome.ALLOW);
      }
      for (Future<Outcome> outcome : attacked) {
        assertThat(outcome.get()).isIn(Outcome.OUT_OF_TIME, Outcome.OUT_OF_MEMORY, Outcome.FAILED);
      }
      // No thread of the pool was left interrupted.
      for (int i = 0; i < 16; i++) {
        assertThat(threads.submit(() -> Thread.currentThread().isInterrupted()).get()).isFalse();
      }
    }
    assertThat(used()).isLessThanOrEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x12, 0x13, 0xfc})
  void instructionsBeyondTheFirstVersionAreRefused(int code) {
    // return_call 0, return_call_indirect 0 0, or memory.fill, behind a return
    byte[] body =
        code == 0xfc
            ? TestModule.body(0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0, 0x41, 0)
            : code == 0x12
                ? TestModule.body(
                    0x20,
                    0,
                    0x12,
                    TestModule.function(answers(), "eval") & 0x7f | 0x80,
                    TestModule.function(answers(), "eval") >> 7)
                : TestModule.body(0x20, 0, 0x41, 0, 0x13, 0, 0);
    byte[] module = TestModule.withFunction(answers(), "eval", body);
    assertThatThrownBy(() -> TestBundles.code(TestBundles.bundleOf(module)))
        .isInstanceOf(InvalidRegoException.class);
  }

  private static byte[] answers() {
    return TestBundles.module("answers");
  }

  @Test
  void aStartThatNeverEndsIsEnded() {
    byte[] module =
        TestModule.withFunction(
            answers(), "opa_heap_ptr_get", TestModule.body(0x03, 0x40, 0x0c, 0, 0x0b, 0x41, 0));
    assertThatThrownBy(() -> TestBundles.code(TestBundles.bundleOf(module)))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining("the policy cannot be set up");
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void anInstanceRunsNoCodeOfThePolicyBeforeItIsAsked() throws Exception {
    PolicyCode code =
        TestBundles.code(TestBundles.bundleOf(TestModule.withLongStart(answers(), BUSY)));
    Watchdog.Run run = Watchdog.SHARED.begin(TimeUnit.MILLISECONDS.toNanos(20));
    try {
      code.instance(256, TestBundles.BUDGET).discard();
    } finally {
      assertThat(Watchdog.SHARED.end(run)).isFalse();
    }
  }

  @Test
  void makingAnInstanceIsPartOfTheDecision() {
    // 48 MiB are put back for each decision, as no instance of that size is kept.
    byte[] module = TestModule.withMemoryPages(answers(), 768);
    RegoAuthentication large =
        TestBundles.compile(
            TestBundles.message(TestBundles.bundleOf(module), "answers/yes")
                .setMaxMemory(64 << 20)
                .setCpuTime(Duration.newBuilder().setSeconds(1)));
    long before = used();
    assertThat(large.ask(Inputs.of("/"), NOW).outcome()).isEqualTo(Outcome.ALLOW);
    assertThat(used()).isLessThanOrEqualTo(before);
  }

  @Test
  void memoryToBeginWithIsWithinThatOfTheAuthentication() {
    byte[] bundle = TestBundles.bundleOf(TestModule.withMemoryPages(answers(), 300));
    long compilations = PolicyCode.compilations();
    assertThatThrownBy(
            () -> RegoAuthentication.compile(TestBundles.message(bundle, "answers/yes").build()))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(
            "needs 19,660,800 bytes of memory before it is asked, and may have 16,777,216");
    assertThat(PolicyCode.compilations()).isEqualTo(compilations);
  }

  @Test
  void whatThePolicyBeginsWithIsTakenFromTheBudget() {
    MemoryBudget budget = new MemoryBudget(2 << 20, owner -> false);
    byte[] bundle = TestBundles.bundleOf(TestModule.withMemoryPages(answers(), 33));
    assertThatThrownBy(() -> PolicyCode.of(bundle, PolicyCode.MOST_PAGES, budget.share("shop")))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining("have no 2,162,688 bytes of memory left");
    assertThat(budget.used()).isZero();
  }

  @Test
  void whatIsParsedOfAModuleIsTakenFromTheBudget() throws Exception {
    byte[] module = TestModule.withSection(answers(), 0, custom -> new byte[] {1, 'x'});
    byte[] bundle = TestBundles.bundleOf(module);
    long parsed = WasmFile.read(module).heapBytes();
    assertThat(parsed).isGreaterThan(100L * WasmFile.read(module).bodies());
    MemoryBudget little = new MemoryBudget(parsed - 1, owner -> false);
    assertThatThrownBy(() -> PolicyCode.of(bundle, 1000, little.share("shop")))
        .isInstanceOfSatisfying(InvalidRegoException.class, e -> assertThat(e.passing()).isTrue())
        .hasMessageContaining("memory left");
    assertThat(little.used()).isZero();

    MemoryBudget enough = new MemoryBudget(512 << 20, owner -> false);
    PolicyCode code = PolicyCode.of(bundle, PolicyCode.MOST_PAGES, enough.share("shop"));
    assertThat(enough.used()).isEqualTo(parsed + code.image().memory().size());
  }

  @Test
  void anotherVersionOfTheInterfaceIsRefused() {
    byte[] module = TestModule.withAbi(answers(), 2);
    assertThatThrownBy(() -> TestBundles.code(TestBundles.bundleOf(module)))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining("has version 2.3 of Open Policy Agent's interface");
  }

  @Test
  void codeOfAllBundlesHasABound() throws InvalidRegoException {
    List<PolicyCode> kept = new ArrayList<>();
    byte[] bundle = TestBundles.bundle("answers");
    InvalidRegoException refused = null;
    for (int i = 1; i < 40 && refused == null; i++) {
      // The time of a gzip file.
      bundle[4] = (byte) i;
      try {
        kept.add(TestBundles.code(bundle));
      } catch (InvalidRegoException e) {
        refused = e;
      }
    }
    assertThat(refused).hasMessageContaining("the policy does not fit beside those that are there");
    assertThat(kept).hasSizeBetween(10, 20);
    kept.clear();
    System.gc();
    assertThat(TestBundles.code(bundle).entrypoints()).containsKey("answers/yes");
  }

  @Test
  void deepClaimsAreNoHarm() {
    String deep = "{\"a\":" + "[".repeat(400) + "\"needle\"" + "]".repeat(400) + "}";
    RegoAnswer answer =
        TestBundles.compile(
                TestBundles.message(TestBundles.bundle("attacks"), "attacks/deep")
                    .setCpuTime(Duration.newBuilder().setSeconds(1)))
            .ask(Inputs.of(Inputs.WEB, "/", "", Map.of("a/b", deep), List.of()), NOW);
    assertThat(answer.outcome()).isEqualTo(Outcome.ALLOW);
    String tooDeep = "{\"a\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}";
    assertThat(
            attack("deep")
                .ask(Inputs.of(Inputs.WEB, "/", "", Map.of("a/b", tooDeep), List.of()), NOW)
                .outcome())
        .isEqualTo(Outcome.FAILED);
  }
}
