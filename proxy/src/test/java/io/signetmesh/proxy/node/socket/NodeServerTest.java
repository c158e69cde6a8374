package io.signetmesh.proxy.node.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.proxy.linux.LinuxCalls;
import io.signetmesh.proxy.linux.UnixStream;
import io.signetmesh.proxy.netns.TestNamespace;
import io.signetmesh.proxy.node.LocalWorkload;
import io.signetmesh.v1.NodeHello;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadRemoval;
import io.signetmesh.v1.WorkloadState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The socket with real proxies, which obtain no certificate because there is no control plane. */
@Timeout(90)
final class NodeServerTest extends NodeServerHarness {
  @Test
  void workloadsAreAddedListedAndRemoved() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
    NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
    NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
    assertThat(add(agent, workload("web")).getCondition())
        .isEqualTo(WorkloadCondition.WORKLOAD_CONDITION_WAITING);
    WorkloadState broken =
        add(operator, workload("broken").putEnvironment("SIGNET_PROXY_POLICY_WAIT", "soon"));
    assertThat(broken.getCondition()).isEqualTo(WorkloadCondition.WORKLOAD_CONDITION_FAILED);
    assertThat(broken.getReason())
        .startsWith("proxy of shop/broken cannot start: ")
        .contains("SIGNET_PROXY_POLICY_WAIT");
    assertThat(list(operator)).containsExactly("broken FAILED", "web WAITING");
    operator.send(
        NodeRequest.newBuilder()
            .setRemove(WorkloadRemoval.newBuilder().setNamespace("shop").setName("web")),
        -1);
    await(agent, change("web", WorkloadCondition.WORKLOAD_CONDITION_GONE));
    assertThat(list(agent)).containsExactly("broken FAILED");
    assertThatThrownBy(
            () ->
                operator.call(
                    NodeRequest.newBuilder()
                        .setRemove(
                            WorkloadRemoval.newBuilder().setNamespace("shop").setName("web")),
                    -1))
        .hasMessageStartingWith("workload shop/web: expected one that was added");
  }

  @Test
  void anAgentThatComesBackKeepsWhatIsEqualAndDrainsWhatItDoesNotName() throws Exception {
    NodeClient first = connect(NodeRole.NODE_ROLE_AGENT);
    for (String name : List.of("kept", "changed", "gone")) {
      add(first, workload(name).setToken("first"));
    }
    assertThat(first.call(snapshotEnd(), -1).getStates().getStatesList()).hasSize(3);
    assertThatThrownBy(() -> connect(NodeRole.NODE_ROLE_AGENT))
        .hasMessageContaining("is the agent: expected one at a time");
    first.close();

    NodeClient second = connectOnceFree();
    add(second, workload("kept").setToken("second"));
    add(second, workload("changed").setToken("second").addPorts(8080));
    add(second, workload("new"));
    NodeResponse states = second.call(snapshotEnd(), -1);
    assertThat(states.getStates().getStatesList().stream().map(WorkloadState::getName))
        .contains("kept", "changed", "new");
    await(second, change("gone", WorkloadCondition.WORKLOAD_CONDITION_GONE));
    Map<String, LocalWorkload> after = workloads.workloads();
    assertThat(after.keySet()).containsExactly("shop/changed", "shop/kept", "shop/new");
    assertThat(told.stream().filter("shop/kept WAITING"::equals)).as("started once").hasSize(1);
    assertThat(told.stream().filter("shop/changed WAITING"::equals)).hasSize(2);
    assertThat(directory.resolve("token.kept")).hasContent("second");
    // Its token is forgotten in a turn of its own.
    Objects.requireNonNull(Objects.requireNonNull(server.get()).change("shop/gone", () -> {}))
        .get(20, TimeUnit.SECONDS);
    assertThat(directory.resolve("token.gone")).doesNotExist();
    assertThatThrownBy(() -> second.call(snapshotEnd(), -1))
        .hasMessageContaining("snapshot_end: expected once, from an agent");
  }

  @Test
  void aMalformedWorkloadIsRefusedByFieldAndTheConnectionGoesOn() throws Exception {
    NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
    Map<String, WorkloadAnnouncement.Builder> malformed =
        Map.of(
            "namespace '../etc': expected a DNS label",
            workload("web").setNamespace("../etc"),
            "name 'a/b': expected the name of a pod",
            workload("a/b"),
            "service_account '': expected the name of a ServiceAccount",
            workload("web").setServiceAccount(""),
            "addresses 'localhost': expected an IP address",
            workload("web").clearAddresses().addAddresses("localhost"),
            "addresses '0 entries': expected 1 to 8",
            workload("web").clearAddresses(),
            "ports '0': expected 1 to 65535",
            workload("web").addPorts(0),
            "token_file 'token': expected an absolute file name",
            workload("web").setTokenFile("token"),
            "credential 'none': expected token_file or token",
            workload("web").clearCredential());
    for (Map.Entry<String, WorkloadAnnouncement.Builder> each : malformed.entrySet()) {
      assertThatThrownBy(() -> add(operator, each.getValue()))
          .isInstanceOf(NodeRefusedException.class)
          .hasMessageEndingWith(each.getKey());
    }
    assertThatThrownBy(() -> add(operator, workload("web").setNetworkNamespace(true)))
        .hasMessageContaining("network_namespace is set and no descriptor came with it");
    assertThat(list(operator)).isEmpty();
  }

  private UnixStream raw() throws IOException {
    UnixStream stream = UnixStream.connect(path);
    parts.add(stream);
    return stream;
  }

  private static byte[] hello() {
    return NodeMessages.encode(
        NodeRequest.newBuilder()
            .setId(1)
            .setHello(NodeHello.newBuilder().setVersion(1).setRole(NodeRole.NODE_ROLE_OPERATOR))
            .build());
  }

  /** The reason of the refusal after which the connection ends. */
  private static String refusal(UnixStream stream) throws IOException {
    NodeMessages messages = new NodeMessages(NodeMessages.MAX_ANSWER_BYTES);
    String reason = "";
    while (stream.await(ANSWER)) {
      UnixStream.Received received = stream.receive();
      if (received.isEnd()) {
        return reason;
      }
      messages.add(received.bytes());
      byte[] next = messages.next();
      while (next != null) {
        NodeResponse response = NodeResponse.parseFrom(next);
        reason = response.hasRefusal() ? response.getRefusal().getReason() : reason;
        next = messages.next();
      }
    }
    throw new AssertionError("the connection stays open; " + reason);
  }

  @Test
  void whoDoesNotKeepToTheProtocolIsToldWhyAndCutOff() throws Exception {
    record Breach(byte[] bytes, String reason) {}
    List<Breach> breaches =
        List.of(
            new Breach(new byte[] {(byte) 0x81, (byte) 0x80, 0x04}, "a message of 65537 bytes"),
            new Breach(new byte[] {-1, -1, -1, -1}, "more than 3 bytes of a length"),
            new Breach(new byte[] {2, 9, 9}, "malformed"),
            new Breach(new byte[] {5}, "not complete within PT0.5S"),
            new Breach(new byte[] {2, 0x50, 1}, "field 10 of NodeRequest: expected those"),
            new Breach(new byte[] {4, 8, 1, 0x32, 0}, "request list: expected hello"),
            new Breach(new byte[] {6, 8, 1, 0x12, 2, 8, 2}, "version 2: expected 1"),
            new Breach(
                new byte[] {8, 8, 1, 0x12, 4, 8, 1, 16, 9}, "value 9 of field role of NodeHello"),
            new Breach(new byte[] {6, 8, 1, 0x12, 2, 8, 1}, "role NODE_ROLE_UNSPECIFIED"),
            new Breach(new byte[] {0}, "id 0 of a request"));
    for (Breach each : breaches) {
      UnixStream stream = raw();
      stream.send(each.bytes(), -1, ANSWER);
      assertThat(refusal(stream)).contains(each.reason());
    }
    // Nothing at all.
    assertThat(refusal(raw())).contains("nothing was said in time");
  }

  private static List<String> open() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.map(
              file -> {
                try {
                  return Files.readSymbolicLink(file).toString();
                } catch (IOException e) {
                  return "";
                }
              })
          .filter(link -> link.equals("/dev/null") || link.startsWith("net:"))
          .sorted()
          .toList();
    }
  }

  private static void awaitOpen(List<String> expected) throws IOException {
    long end = System.nanoTime() + ANSWER.toNanos();
    while (!open().equals(expected) && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    assertThat(open()).isEqualTo(expected);
  }

  @Test
  void noDescriptorIsLeftWhateverComesWithIt() throws Exception {
    List<String> atFirst = open();
    try (TestNamespace place = TestNamespace.make()) {
      NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
      NodeRequest.Builder inside =
          NodeRequest.newBuilder().setAdd(workload("web").setNetworkNamespace(true));
      int first = LinuxCalls.open(place.file());
      assertThat(operator.call(inside, first).getState().getCondition())
          .isEqualTo(WorkloadCondition.WORKLOAD_CONDITION_WAITING);
      LinuxCalls.close(first);
      // The workload, its proxy, and the thread's own.
      List<String> before = open();
      assertThat(before).hasSize(atFirst.size() + 3);

      int nothing = LinuxCalls.open(Path.of("/dev/null"));
      List<String> mine = open();
      for (WorkloadAnnouncement.Builder each :
          List.of(
              workload("no-namespace").setNetworkNamespace(true),
              workload("../malformed").setNetworkNamespace(true))) {
        assertThatThrownBy(() -> operator.call(NodeRequest.newBuilder().setAdd(each), nothing))
            .isInstanceOf(NodeRefusedException.class);
      }
      awaitOpen(mine);
      // With a message that names none, in front of a message, and with half of one.
      UnixStream unnamed = raw();
      unnamed.send(hello(), -1, ANSWER);
      unnamed.send(
          NodeMessages.encode(NodeRequest.newBuilder().setId(2).setAdd(workload("a")).build()),
          nothing,
          ANSWER);
      assertThat(refusal(unnamed)).contains("a descriptor that no message names");
      UnixStream half = raw();
      half.send(hello(), nothing, ANSWER);
      assertThat(refusal(half)).contains("a descriptor that no message names");
      UnixStream gone = raw();
      gone.send(hello(), -1, ANSWER);
      gone.send(new byte[] {9}, nothing, ANSWER);
      gone.close();
      awaitOpen(mine);
      // Equal: the new descriptor of the same namespace is not needed.
      int again = LinuxCalls.open(place.file());
      operator.call(inside, again);
      LinuxCalls.close(again);
      awaitOpen(mine);
      LinuxCalls.close(nothing);
      operator.call(
          NodeRequest.newBuilder()
              .setRemove(WorkloadRemoval.newBuilder().setNamespace("shop").setName("web")),
          -1);
      List<String> left = new ArrayList<>(atFirst);
      left.add(Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString());
      awaitOpen(left.stream().sorted().toList());
    }
  }

  @Test
  void aSuccessorGetsAllWorkloadsWithTheirNamespacesAndWhenItGoesNothingHasChanged()
      throws Exception {
    try (TestNamespace place = TestNamespace.make()) {
      NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
      int descriptor = LinuxCalls.open(place.file());
      agent.call(
          NodeRequest.newBuilder().setAdd(workload("web").setNetworkNamespace(true)), descriptor);
      LinuxCalls.close(descriptor);
      add(agent, workload("cart"));
      Map<String, LocalWorkload> before = workloads.workloads();
      try (NodeClient successor = NodeClient.connect(path, NodeRole.NODE_ROLE_SUCCESSOR, ANSWER)) {
        List<String> received = new ArrayList<>();
        NodeResponse next = successor.next(ANSWER);
        while (!next.hasEnd()) {
          received.add(next.getWorkload().getName());
          if (next.getWorkload().getNetworkNamespace()) {
            var namespace = successor.descriptor();
            assertThat(namespace).isNotNull();
            assertThat(Files.readSymbolicLink(Path.of("/proc/self/fd/" + namespace.intValue())))
                .isEqualTo(Files.readSymbolicLink(place.file()));
            namespace.close();
          }
          next = successor.next(ANSWER);
        }
        assertThat(received).containsExactly("cart", "web");
        assertThat(next.getEnd().getWorkloads()).isEqualTo(2);
        // Nobody else changes anything now.
        assertThatThrownBy(() -> connect(NodeRole.NODE_ROLE_AGENT))
            .hasMessageEndingWith("is about to take over");
        NodeClient operator = connect(NodeRole.NODE_ROLE_OPERATOR);
        assertThatThrownBy(() -> add(operator, workload("late")))
            .hasMessageEndingWith("is about to take over");
        assertThatThrownBy(() -> await(agent, response -> false))
            .hasMessageContaining("closed the connection");
      }
      NodeClient back = connectOnceAllowed();
      assertThat(list(back)).containsExactly("cart WAITING", "web WAITING");
      assertThat(workloads.workloads()).isEqualTo(before);
      assertThat(succeeded.getCount()).isEqualTo(1);
    }
  }
}
