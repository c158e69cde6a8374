package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.RateLimiter.Rates;
import io.signetmesh.proxy.authorize.compile.RateLimiter.Scope;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RateLimiterTest {
  private static final long SECOND = 1_000_000_000L;
  private static final ResourceRef LIMIT =
      new ResourceRef("policy.linkerd.io", "httplocalratelimitpolicy", "limit");
  private static final ResourceRef OTHER =
      new ResourceRef("policy.linkerd.io", "httplocalratelimitpolicy", "other");

  private final AtomicLong nanos = new AtomicLong(-5 * SECOND);

  // ---- one limiter after another

  @Test
  void limitersOfOneObjectGoOnWithEachOthersBuckets() {
    Rates rates = new Rates(100, 4, List.of(new Rates.Override(6, Set.of("one.shop", "two.shop"))));
    RateLimiter first = limiter(LIMIT, rates, null);
    assertThat(burst(first, "web.shop")).isEqualTo(4);
    assertThat(burst(first, null)).isEqualTo(4);
    assertThat(burst(first, "one.shop")).isEqualTo(6);

    RateLimiter second = limiter(LIMIT, rates, first);
    for (String client : new String[] {"web.shop", null, "one.shop", "two.shop"}) {
      assertThat(second.take(client)).as("%s", client).isEqualTo(Scope.IDENTITY);
    }
    assertThat(burst(second, "api.shop")).isEqualTo(4);
    // Requests that still go by the former policy spend the same budget.
    assertThat(first.take("api.shop")).isEqualTo(Scope.IDENTITY);
  }

  @Test
  void theTotalGoesOn() {
    RateLimiter first = limiter(LIMIT, new Rates(3, 0, List.of()), null);
    assertThat(burst(first, "web.shop")).isEqualTo(3);
    RateLimiter second = limiter(LIMIT, new Rates(3, 0, List.of()), first);
    assertThat(second.take("web.shop")).isEqualTo(Scope.TOTAL);
    nanos.addAndGet(SECOND / 3 + 1);
    assertThat(burst(second, "web.shop")).isEqualTo(1);
  }

  @Test
  void aLimitOfAnotherObjectStartsAnew() {
    Rates rates = new Rates(3, 2, List.of());
    RateLimiter first = limiter(LIMIT, rates, null);
    assertThat(burst(first, "web.shop")).isEqualTo(2);
    RateLimiter second = limiter(OTHER, rates, first);
    assertThat(burst(second, "web.shop")).isEqualTo(2);
  }

  @Test
  void whenANumberChangesTheShareThatIsSpentStays() {
    RateLimiter ten = limiter(LIMIT, new Rates(0, 10, List.of()), null);
    for (int i = 0; i < 5; i++) {
      assertThat(ten.take("web.shop")).isNull();
    }
    assertThat(burst(limiter(LIMIT, new Rates(0, 100, List.of()), ten), "web.shop")).isEqualTo(50);

    RateLimiter hundred = limiter(LIMIT, new Rates(100, 0, List.of()), null);
    for (int i = 0; i < 50; i++) {
      assertThat(hundred.take(null)).isNull();
    }
    RateLimiter lowered = limiter(LIMIT, new Rates(10, 0, List.of()), hundred);
    assertThat(burst(lowered, null)).isEqualTo(5);
  }

  @Test
  void anOverrideOfOtherClientsStartsAnewAndLeavesTheOthersAlone() {
    Rates.Override two = new Rates.Override(2, Set.of("two.shop"));
    RateLimiter first =
        limiter(
            LIMIT, new Rates(0, 1, List.of(new Rates.Override(3, Set.of("one.shop")), two)), null);
    assertThat(burst(first, "one.shop")).isEqualTo(3);
    assertThat(burst(first, "two.shop")).isEqualTo(2);
    RateLimiter second =
        limiter(
            LIMIT,
            new Rates(0, 1, List.of(two, new Rates.Override(3, Set.of("one.shop", "three.shop")))),
            first);
    assertThat(burst(second, "three.shop")).isEqualTo(3);
    assertThat(second.take("one.shop")).isEqualTo(Scope.IDENTITY);
    assertThat(second.take("two.shop")).isEqualTo(Scope.IDENTITY);
  }

  @Test
  void theFirstOverrideThatNamesAnIdentityCountsForIt() {
    RateLimiter limiter =
        limiter(
            LIMIT,
            new Rates(
                0,
                0,
                List.of(
                    new Rates.Override(2, Set.of("one.shop")),
                    new Rates.Override(9, Set.of("one.shop")),
                    new Rates.Override(4, Set.of("one.shop", "two.shop")))),
            null);
    assertThat(burst(limiter, "one.shop")).isEqualTo(2);
    assertThat(burst(limiter, "two.shop")).isEqualTo(4);
  }

  // ---- many identities

  @Test
  void identitiesThatAreQuietMakeRoomForOthers() {
    RateLimiter limiter = limiter(LIMIT, new Rates(0, 2, List.of()), null);
    for (int i = 0; i < 10 * RateLimiter.MAX_IDENTITIES; i++) {
      assertThat(limiter.take("client-" + i)).isNull();
      if (i % 1_000 == 0) {
        nanos.addAndGet(SECOND / 2);
      }
    }
    assertThat(limiter.tracked()).isPositive().isLessThanOrEqualTo(RateLimiter.MAX_IDENTITIES);
    // The updates of a policy change nothing about it.
    RateLimiter next = limiter(LIMIT, new Rates(0, 2, List.of()), limiter);
    assertThat(next.tracked()).isEqualTo(limiter.tracked());
    assertThat(limiter(LIMIT, new Rates(0, 0, List.of()), next).tracked()).isZero();
  }

  @Test
  void identitiesBeyondTheBoundShareOneBudgetAndTakeNothingFromTheRest() {
    RateLimiter limiter = limiter(LIMIT, new Rates(0, 2, List.of()), null);
    for (int i = 0; i < RateLimiter.MAX_IDENTITIES; i++) {
      assertThat(limiter.take("client-" + i)).isNull();
    }
    assertThat(limiter.take("late-1")).isNull();
    assertThat(limiter.take("late-2")).isNull();
    assertThat(limiter.take("late-3")).isEqualTo(Scope.IDENTITY);
    assertThat(burst(limiter, "client-7")).isEqualTo(1);
    assertThat(limiter.tracked()).isEqualTo(RateLimiter.MAX_IDENTITIES);

    // Spent budgets survive the making of room.
    nanos.addAndGet(SECOND / 2);
    assertThat(limiter.take("client-7")).isNull();
    nanos.addAndGet(SECOND / 2);
    assertThat(burst(limiter, "late-3")).isEqualTo(2);
    assertThat(limiter.tracked()).isEqualTo(2);
    assertThat(burst(limiter, "client-7")).isEqualTo(1);
  }

  @Test
  void noMoreThanTheLimitIsGrantedWhileRoomIsMadeAndLimitersFollowOneAnother() throws Exception {
    Rates rates = new Rates(0, 5, List.of());
    RateLimiter crowded = limiter(LIMIT, rates, null);
    for (int i = 0; i < RateLimiter.MAX_IDENTITIES; i++) {
      crowded.take("client-" + i);
    }
    nanos.addAndGet(2 * SECOND);
    List<RateLimiter> generations = new ArrayList<>(List.of(crowded));
    for (int i = 0; i < 100; i++) {
      generations.add(limiter(LIMIT, rates, generations.getLast()));
    }
    AtomicLong granted = new AtomicLong();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      Callable<Void> client =
          () -> {
            for (RateLimiter limiter : generations) {
              for (int i = 0; i < 100; i++) {
                // The clock stands still: whatever is in the way, five may pass, and the first
                // request finds the table full of identities that make room.
                if (limiter.take("web.shop") == null) {
                  granted.incrementAndGet();
                }
                limiter.take("other-" + i);
              }
            }
            return null;
          };
      for (Future<Void> done : threads.invokeAll(List.of(client, client, client, client))) {
        done.get();
      }
    }
    assertThat(granted).hasValue(5);
    assertThat(crowded.tracked()).isEqualTo(101);
  }

  @Test
  void askingAllocatesNothing() {
    RateLimiter limiter =
        limiter(
            LIMIT,
            new Rates(1_000, 10, List.of(new Rates.Override(10, Set.of("one.shop", "two.shop")))),
            null);
    String[] clients = {"one.shop", "two.shop", "web.shop", "api.shop", null};
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    askAll(limiter, clients);

    long before = threads.getThreadAllocatedBytes(thread);
    int passed = askAll(limiter, clients);
    long bytes = threads.getThreadAllocatedBytes(thread) - before;

    assertThat(passed).isBetween(1, 99_999);
    assertThat(bytes).isLessThan(16 * 1024);
  }

  private int askAll(RateLimiter limiter, @Nullable String[] clients) {
    int passed = 0;
    for (int i = 0; i < 100_000; i++) {
      nanos.addAndGet(100_000);
      if (limiter.take(clients[i % clients.length]) == null) {
        passed++;
      }
    }
    return passed;
  }

  private RateLimiter limiter(ResourceRef ref, Rates rates, @Nullable RateLimiter before) {
    return new RateLimiter(ref, nanos::get, rates, before);
  }

  /** How many requests pass at this moment, asked until one does not. */
  private static int burst(RateLimiter limiter, @Nullable String identity) {
    int passed = 0;
    while (limiter.take(identity) == null) {
      passed++;
    }
    return passed;
  }
}
