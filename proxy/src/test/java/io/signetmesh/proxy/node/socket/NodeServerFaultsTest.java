package io.signetmesh.proxy.node.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.signetmesh.proxy.linux.LinuxCalls;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadRemoval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What hangs, fails or comes at the wrong moment. */
@Timeout(90)
final class NodeServerFaultsTest extends NodeServerHarness {
  private NodeServer server() {
    return Objects.requireNonNull(server.get());
  }

  /** Waits for what is to be done for a workload by now. */
  private void settle(String name) throws Exception {
    Objects.requireNonNull(server().change(name, () -> {})).get(20, TimeUnit.SECONDS);
  }

  private static NodeRequest.Builder removal(String name) {
    return NodeRequest.newBuilder()
        .setRemove(WorkloadRemoval.newBuilder().setNamespace("shop").setName(name));
  }

  /** What a successor is sent. */
  private static List<WorkloadAnnouncement> taken(NodeClient successor) throws IOException {
    List<WorkloadAnnouncement> received = new ArrayList<>();
    NodeResponse next = successor.next(ANSWER);
    while (!next.hasEnd()) {
      received.add(next.getWorkload());
      next = successor.next(ANSWER);
    }
    return received;
  }

  @Test
  void workloadsWhoseStartHangsDelayNeitherListsNorOtherWorkloads() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    // More than start at a time.
    for (int i = 0; i < 6; i++) {
      agent.send(NodeRequest.newBuilder().setAdd(workload("slow-" + i)), -1);
    }
    NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
    while (list(operator).size() < 6) {
      Thread.onSpinWait();
    }
    assertThat(list(operator)).allMatch(each -> each.matches("slow-. WAITING"));
    assertThat(add(operator, workload("web")).getCondition())
        .isEqualTo(WorkloadCondition.WORKLOAD_CONDITION_WAITING);
    assertThat(list(operator)).hasSize(7).last().isEqualTo("web WAITING");
    assertThat(operator.call(removal("web"), -1).hasState()).isTrue();
    goOn.countDown();
    for (int i = 0; i < 6; i++) {
      add(agent, workload("slow-" + i));
    }
  }

  @Test
  void theEndOfTheProcessWaitsForNoStartThatHangs() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    add(agent, workload("web"));
    agent.send(NodeRequest.newBuilder().setAdd(workload("slow")), -1);
    while (list(agent).size() < 2) {
      Thread.onSpinWait();
    }
    workloads.close();
    assertThat(workloads.ended()).isCompleted();
    goOn.countDown();
    settle("shop/slow");
    assertThat(told).contains("shop/slow FAILED").doesNotContain("shop/slow WAITING");
    assertThat(workloads.ended()).isCompleted();
  }

  @Test
  void theEndOfASnapshotDrainsWhatIsThereThenAndNothingThatIsAddedWhileItsStartsHang()
      throws Exception {
    NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
    add(operator, workload("gone"));
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    agent.send(NodeRequest.newBuilder().setAdd(workload("slow")), -1);
    long end = agent.send(snapshotEnd(), -1);
    // Without waiting for the start.
    await(agent, change("gone", WorkloadCondition.WORKLOAD_CONDITION_GONE));
    add(operator, workload("late"));
    goOn.countDown();
    await(agent, response -> response.getId() == end);
    assertThat(workloads.workloads()).containsOnlyKeys("shop/late", "shop/slow");
  }

  @Test
  void theSnapshotOfAnAgentThatIsGoneDrainsNothingOfTheNextOne() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    agent.send(NodeRequest.newBuilder().setAdd(workload("slow")), -1);
    agent.send(snapshotEnd(), -1);
    list(agent);
    agent.close();
    NodeClient next = connectOnceFree();
    add(next, workload("web"));
    goOn.countDown();
    settle("shop/slow");
    // What the end of the snapshot had waited for is done on the thread of the start.
    settle("shop/slow");
    settle("shop/web");
    assertThat(workloads.workloads()).containsOnlyKeys("shop/slow", "shop/web");
  }

  @Test
  void nothingIsChangedOnceASuccessorHasCome() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    add(agent, workload("web"));
    settle("shop/web");
    try (NodeClient successor = NodeClient.connect(path, NodeRole.NODE_ROLE_SUCCESSOR, ANSWER)) {
      assertThat(taken(successor)).hasSize(1);
      // However long ago somebody has found that it may.
      assertThat(server().change("shop/web", () -> workloads.remove("shop/web", true))).isNull();
    }
    assertThat(workloads.workloads()).containsOnlyKeys("shop/web");
  }

  @Test
  void aSuccessorGetsWhatWasChangedBeforeItCameAndTheNewestToken() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    add(agent, workload("web").setToken("first"));
    add(agent, workload("web").setToken("second"));
    agent.send(NodeRequest.newBuilder().setAdd(workload("slow")), -1);
    while (list(agent).size() < 2) {
      Thread.onSpinWait();
    }
    // Waits for the start.
    agent.send(removal("slow"), -1);
    list(agent);
    CompletableFuture<List<WorkloadAnnouncement>> received =
        CompletableFuture.supplyAsync(
            () -> {
              try (NodeClient successor =
                  NodeClient.connect(path, NodeRole.NODE_ROLE_SUCCESSOR, ANSWER)) {
                return taken(successor);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    while (server().obstacle() == null) {
      Thread.onSpinWait();
    }
    assertThat(received).isNotDone();
    goOn.countDown();
    assertThat(received.get(20, TimeUnit.SECONDS))
        .singleElement()
        .satisfies(web -> assertThat(web.getName()).isEqualTo("web"))
        .satisfies(web -> assertThat(web.getToken()).isEqualTo("second"));
  }

  @Test
  void aSuccessorThatDiesBeforeItHasTakenOverLeavesTheSocketAndTheTokens() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    add(agent, workload("web").setToken("a token"));
    Path token = directory.resolve("token.web");
    try (NodeClient successor = NodeClient.connect(path, NodeRole.NODE_ROLE_SUCCESSOR, ANSWER)) {
      assertThat(taken(successor)).hasSize(1);
      Files.delete(token);
      // Its socket is in place, and closed when it is killed: nobody removes the file.
      UnixListener.listen(path).release();
      assertThatThrownBy(() -> connect(NodeRole.NODE_ROLE_OPERATOR))
          .hasMessageStartingWith("no data plane of a node at ");
    }
    NodeClient back = connectOnceThere();
    assertThat(list(back)).containsExactly("web WAITING");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
    settle("shop/web");
    assertThat(token).hasContent("a token");
    assertThat(succeeded.getCount()).isEqualTo(1);
    // It is the node's until its end.
    server().close();
    assertThat(path).doesNotExist();
  }

  private NodeClient connectOnceThere() throws IOException {
    while (true) {
      try {
        return connectOnceAllowed();
      } catch (IOException e) {
        assertThat(e).hasMessageStartingWith("no data plane of a node at ");
      }
    }
  }

  @Test
  void aWorkloadThatIsAddedAnewKeepsItsNewTokenWhenTheOldOneIsGone() throws Exception {
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    add(agent, workload("web").setToken("first"));
    // The news comes when the new token is there and the workload is not.
    tokenKept =
        () -> {
          while (!told.contains("shop/web GONE")) {
            Thread.onSpinWait();
          }
        };
    agent.send(removal("web"), -1);
    add(agent, workload("web").setToken("second"));
    settle("shop/web");
    assertThat(directory.resolve("token.web")).hasContent("second");
  }

  @Test
  void theSocketOutlivesFailuresToTakeAConnection() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    accept =
        listener ->
            switch (calls.getAndIncrement()) {
              case 0 -> throw new IOException("accept(2): Too many open files");
              case 1 -> throw new OutOfMemoryError("no thread");
              default -> listener.accept();
            };
    // The thread is in the call before.
    connect(NodeRole.NODE_ROLE_OPERATOR);
    assertThat(list(connect(NodeRole.NODE_ROLE_OPERATOR))).isEmpty();
    assertThat(calls.get()).isGreaterThan(2);
  }

  /** The exit code of a client that says something at the socket. */
  private int curl(String... before) throws Exception {
    List<String> command = new ArrayList<>(List.of(before));
    command.addAll(
        List.of("curl", "-s", "-m", "20", "--unix-socket", path.toString(), "http://a/"));
    Process process = new ProcessBuilder(command).start();
    process.getInputStream().readAllBytes();
    return process.waitFor();
  }

  @Test
  void aProcessOfAnotherUserIsToldNothingThoughItMayReachTheSocket() throws Exception {
    assumeTrue(LinuxCalls.user() == 0, "only root runs processes of other users");
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw-rw-"));
    AtomicInteger taken = new AtomicInteger();
    accept =
        listener -> {
          UnixStream stream = listener.accept();
          taken.incrementAndGet();
          return stream;
        };
    // Is taken by the call before.
    assertThat(curl()).as("an answer that is no HTTP").isEqualTo(1);
    assertThat(curl("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
        .as("nothing is received, or the end is seen before the connection")
        .isIn(7, 52, 56);
    assertThat(taken).as("it did reach the socket").hasValue(1);
  }
}
