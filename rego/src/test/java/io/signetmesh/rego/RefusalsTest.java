package io.signetmesh.rego;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RefusalsTest {
  private final AtomicLong now = new AtomicLong();
  private final Refusals refusals = new Refusals(now::get);

  @Test
  void keepsTheErrorsThatWereAskedForLast() throws Exception {
    refusals.keep("first", new InvalidRegoException("why"));
    for (int i = 1; i < Refusals.MOST; i++) {
      refusals.keep("other " + i, new InvalidRegoException("other"));
    }
    assertThatThrownBy(() -> refusals.check("first"))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessage("why");
    refusals.keep("one more", new InvalidRegoException("other"));
    assertThatThrownBy(() -> refusals.check("first")).hasMessage("why");
    assertThatCode(() -> refusals.check("other 1")).doesNotThrowAnyException();
  }

  @Test
  void errorsThatDependOnTheProcessPass() throws Exception {
    refusals.keep("memory", new InvalidRegoException("no room", true));
    now.addAndGet(Refusals.PASSING - 1);
    assertThatThrownBy(() -> refusals.check("memory")).hasMessage("no room");
    now.incrementAndGet();
    refusals.check("memory");
  }

  @Test
  void whoAsksLearnsThatARefusalMayPass() {
    byte[] bundle = TestBundles.bundle("answers");
    String asked = PolicyCode.digest(bundle) + " answers/later " + (16 << 20);
    Refusals.SHARED.keep(asked, new InvalidRegoException("no room", true));
    assertThatThrownBy(
            () -> RegoAuthentication.compile(TestBundles.message(bundle, "answers/later").build()))
        .isInstanceOfSatisfying(InvalidRegoException.class, e -> assertThat(e.passing()).isTrue())
        .hasMessageContaining("no room");
  }

  @Test
  void whatWasRefusedIsNotCompiledAgain() {
    // Its code is compiled, and only then it is seen that it never ends.
    byte[] bundle =
        TestBundles.bundleOf(
            TestModule.withFunction(
                TestBundles.module("answers"), "opa_heap_ptr_get", TestModule.body(0x00, 0x41, 0)));
    assertThatThrownBy(() -> TestBundles.code(bundle)).hasMessageContaining("cannot be set up");
    long compilations = PolicyCode.compilations();
    assertThatThrownBy(() -> TestBundles.code(bundle)).hasMessageContaining("cannot be set up");
    assertThat(PolicyCode.compilations()).isEqualTo(compilations);
  }

  @Test
  void aBundleWithoutTheEntryPointIsNotCompiledAgain() {
    io.signetmesh.v1.RegoAuthentication message =
        TestBundles.message(TestBundles.bundle("sprintf"), "sprintf/missing").build();
    assertRefused(message);
    long compilations = PolicyCode.compilations();
    // Nobody has its code any more.
    System.gc();
    assertRefused(message);
    assertThat(PolicyCode.compilations()).isEqualTo(compilations);
  }

  private static void assertRefused(io.signetmesh.v1.RegoAuthentication message) {
    assertThatThrownBy(() -> RegoAuthentication.compile(message))
        .hasMessageContaining("no entry point sprintf/missing");
  }
}
