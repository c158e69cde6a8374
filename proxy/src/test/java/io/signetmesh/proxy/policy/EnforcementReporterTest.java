package io.signetmesh.proxy.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.PortEnforcement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Reports to a controller that comes and goes; time passes where a test says so. */
class EnforcementReporterTest {
  private final ManualTimer timer = new ManualTimer();
  private final Controller controller = new Controller();
  private final EnforcementReporter reporter =
      new EnforcementReporter(controller, "shop:web", "run-1", timer);

  @AfterEach
  void stop() {
    reporter.close();
    timer.shutdownNow();
  }

  /** Runs what was scheduled when it is told to. */
  private static final class ManualTimer extends ScheduledThreadPoolExecutor {
    private final List<Runnable> due = new ArrayList<>();

    ManualTimer() {
      super(1);
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
      due.add(task);
      return super.schedule((Callable<Void>) () -> null, 1, TimeUnit.DAYS);
    }

    void pass() {
      List<Runnable> now = List.copyOf(due);
      due.clear();
      now.forEach(Runnable::run);
    }
  }

  /** A connection to a controller; what cannot be sent fails before its start returns. */
  private static final class Controller extends Channel {
    private @Nullable Status refusing;
    private final List<Call> calls = new ArrayList<>();

    List<Integer> portsOf(int call) {
      return calls.get(call).reports.stream()
          .flatMap(report -> report.getPortsList().stream())
          .map(PortEnforcement::getPort)
          .toList();
    }

    void end(int call, Status status) {
      calls.get(call).end(status);
    }

    @Override
    @SuppressWarnings("unchecked") // one method is called
    public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
      // One that fails while there is no connection would be tried again too late.
      assertThat(options.isWaitForReady()).isTrue();
      Call call = new Call(refusing);
      calls.add(call);
      return (ClientCall<Q, A>) call;
    }

    @Override
    public String authority() {
      return "controller";
    }
  }

  private static final class Call extends ClientCall<EnforcementReport, Object> {
    private final @Nullable Status refused;
    private final List<EnforcementReport> reports = new ArrayList<>();
    private @Nullable Listener<Object> listener;

    Call(@Nullable Status refused) {
      this.refused = refused;
    }

    void end(Status status) {
      Objects.requireNonNull(listener).onClose(status, new Metadata());
    }

    @Override
    public void start(Listener<Object> answers, Metadata headers) {
      listener = answers;
      if (refused != null) {
        end(refused);
      }
    }

    @Override
    public void request(int messages) {}

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {}

    @Override
    public void halfClose() {}

    @Override
    public void sendMessage(EnforcementReport report) {
      if (refused == null) {
        reports.add(report);
      }
    }
  }

  @Test
  void controllerThatComesBackIsToldAllPorts() {
    reporter.enforced(8080, 17, null, () -> true);
    reporter.enforced(8081, 17, null, () -> true);
    assertThat(controller.portsOf(0)).containsExactly(8080, 8081);

    // Killed: attempts fail at once, before the call has been begun, until it is back.
    controller.refusing = Status.UNAVAILABLE;
    controller.end(0, Status.UNAVAILABLE);
    for (int i = 1; i <= 3; i++) {
      timer.pass();
      assertThat(controller.calls).hasSize(i + 1);
    }
    controller.refusing = null;
    timer.pass();
    assertThat(controller.portsOf(4)).containsExactly(8080, 8081);

    // What its policy streams bring is acknowledged there.
    reporter.enforced(8080, 900, null, () -> true);
    assertThat(controller.portsOf(4)).containsExactly(8080, 8081, 8080);
    assertThat(controller.calls.get(4).reports.getLast().getPorts(0).getGeneration())
        .isEqualTo(900);
  }

  @Test
  void endOfAFormerStreamDoesNotEndTheNewOne() {
    reporter.enforced(8080, 17, null, () -> true);
    controller.end(0, Status.UNAVAILABLE);
    timer.pass();
    controller.end(0, Status.CANCELLED);
    reporter.enforced(8080, 18, null, () -> true);
    assertThat(controller.calls).hasSize(2);
    assertThat(controller.portsOf(1)).containsExactly(8080, 8080);
  }

  @Test
  void streamThatTheControllerEndsOrRefusesIsOpenedAgain() {
    reporter.enforced(8080, 17, null, () -> true);
    for (Status end :
        List.of(Status.OK, Status.RESOURCE_EXHAUSTED, Status.UNAUTHENTICATED, Status.INTERNAL)) {
      controller.end(controller.calls.size() - 1, end);
      timer.pass();
      assertThat(controller.portsOf(controller.calls.size() - 1)).containsExactly(8080);
    }
  }

  @Test
  void controllerWithoutTheServiceIsAskedAgainWhenItNamesGenerations() {
    reporter.enforced(8080, 17, null, () -> true);
    controller.end(0, Status.UNIMPLEMENTED);
    timer.pass();
    assertThat(controller.calls).hasSize(1);
    reporter.enforced(8080, 0, null, () -> true);
    assertThat(controller.calls).hasSize(1);
    reporter.enforced(8080, 18, null, () -> true);
    assertThat(controller.portsOf(1)).containsExactly(8080);
  }

  @Test
  void manyPortsWithLongRefusalsAreToldInMessagesThatAControllerTakes() {
    controller.refusing = Status.UNAVAILABLE;
    for (int port = 1; port <= 300; port++) {
      reporter.enforced(port, 17, "\u4e00".repeat(5_000), () -> true);
    }
    controller.refusing = null;
    timer.pass();
    int last = controller.calls.size() - 1;
    assertThat(controller.portsOf(last)).hasSize(300).doesNotHaveDuplicates();
    assertThat(controller.calls.get(last).reports)
        .allSatisfy(report -> assertThat(report.getSerializedSize()).isLessThan(64 * 1024));
  }

  @Test
  void whatWasSupersededIsNotReportedAfterWhatSupersedesIt() throws Exception {
    AtomicInteger newest = new AtomicInteger(17);
    Thread[] later = new Thread[1];
    // The next generation comes into force while this one is being reported.
    reporter.enforced(
        8080,
        17,
        null,
        () -> {
          boolean isNewest = newest.getAndSet(18) == 17;
          later[0] =
              Thread.ofPlatform()
                  .start(() -> reporter.enforced(8080, 18, null, () -> newest.get() == 18));
          return isNewest;
        });
    later[0].join();
    reporter.enforced(8080, 17, null, () -> newest.get() == 17);

    assertThat(
            controller.calls.getFirst().reports.stream()
                .flatMap(report -> report.getPortsList().stream())
                .map(PortEnforcement::getGeneration))
        .containsExactly(17L, 18L);
  }
}
