package io.signetmesh.proxy.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.signetmesh.proxy.authorize.PolicyCompiler;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Watches without a controller. */
class PolicyWatcherTest {
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final ManagedChannel nowhere =
      NettyChannelBuilder.forAddress(InetAddress.getLoopbackAddress().getHostAddress(), 9)
          .usePlaintext()
          .build();
  private final PolicyWatcher watcher =
      new PolicyWatcher(
          nowhere,
          "shop:web",
          new PolicyCompiler(false, System::nanoTime),
          Duration.ofSeconds(1),
          Duration.ofHours(1),
          timer);

  @AfterEach
  void stop() {
    watcher.close();
    nowhere.shutdownNow();
    timer.shutdownNow();
  }

  @Test
  void scanOfPortsLeavesTheWorkloadsOwnAndABoundedNumberOfOthers() {
    watcher.watch(List.of(8080));
    for (int port = 1; port <= 5_000; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched())
        .hasSizeLessThanOrEqualTo(PolicyWatcher.MOST_PORTS)
        .contains(8080, 5_000);
  }

  @Test
  void portThatWasForgottenGrantsNothingToThoseWhoStillHoldIt() {
    PortPolicy held = watcher.forPort(1);
    for (int port = 2; port <= PolicyWatcher.MOST_PORTS + 1; port++) {
      watcher.forPort(port);
    }

    assertThat(watcher.watched()).doesNotContain(1);
    assertThat(held.current()).isNotNull();
    assertThat(held.current().invalidity()).isNotNull();
  }
}
