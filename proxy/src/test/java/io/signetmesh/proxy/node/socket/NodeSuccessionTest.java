package io.signetmesh.proxy.node.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.linux.LinuxCalls;
import io.signetmesh.proxy.netns.TestNamespace;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a successor does when it cannot have a workload, or when its predecessor dies. */
@Timeout(90)
final class NodeSuccessionTest extends NodeServerHarness {
  /** Those of the successor. */
  private final NodeWorkloads taken =
      new NodeWorkloads(
          () -> DataPlane.start(null, 1),
          InstantSource.system(),
          new NodeWorkloads.Options(false, true),
          status -> {});

  @AfterEach
  void closeTaken() {
    taken.close();
  }

  /** A successor whose disk is full. */
  private final class FullDisk implements ProxyConfigurations {
    private final ProxyConfigurations others = new Configurations();

    @Override
    public ProxyConfig of(WorkloadAnnouncement announced) throws InvalidConfigException {
      return others.of(announced);
    }

    @Override
    public void keepToken(WorkloadAnnouncement announced) throws IOException {
      if (announced.hasToken()) {
        throw new IOException("no space left");
      }
    }

    @Override
    public void forget(String name) {}

    @Override
    public void forgetOthers() {}
  }

  private NodeServer.Settings settings(ProxyConfigurations configurations) {
    return new NodeServer.Settings(taken, configurations, namespaces, 0, () -> {}, LIMIT);
  }

  private static long handlesOf(Path namespace) throws IOException {
    Path link = Files.readSymbolicLink(namespace);
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.filter(
              file -> {
                try {
                  return Files.readSymbolicLink(file).equals(link);
                } catch (IOException e) {
                  return false;
                }
              })
          .count();
    }
  }

  @Test
  void oneWorkloadThatASuccessorCannotHaveLeavesAllToThePredecessor() throws Exception {
    try (TestNamespace place = TestNamespace.make()) {
      NodeClient agent = connect(NodeRole.NODE_ROLE_AGENT);
      int descriptor = LinuxCalls.open(place.file());
      agent.call(
          NodeRequest.newBuilder()
              .setAdd(workload("web").setToken("a token").setNetworkNamespace(true)),
          descriptor);
      LinuxCalls.close(descriptor);
      long handles = handlesOf(place.file());
      assertThatThrownBy(() -> NodeSuccession.begin(path, settings(new FullDisk())))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("workload shop/web cannot be taken over: no space left");
      assertThat(handlesOf(place.file())).isEqualTo(handles);
      assertThat(list(connectOnceAllowed())).containsExactly("web WAITING");
      assertThat(succeeded.getCount()).isEqualTo(1);
    }
  }

  /** A data plane in a process of its own, at another socket. */
  private Process predecessor(Path socket, String what) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                DyingPredecessor.class.getName(),
                socket.toString(),
                what)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    parts.add(process::destroyForcibly);
    BufferedReader lines = process.inputReader();
    String line = lines.readLine();
    while (!"listening".equals(line)) {
      assertThat(line).as("the predecessor has not ended").isNotNull();
      line = lines.readLine();
    }
    return process;
  }

  @Test
  void aPredecessorThatIsKilledBeforeItAnswersDoesNotTakeItsSuccessorWithIt() throws Exception {
    Path socket = directory.resolve("dies.sock");
    Process process = predecessor(socket, "dies");
    try (NodeSuccession succession = NodeSuccession.begin(socket, settings(new Configurations()))) {
      succession.awaitServing();
      succession.taken();
    }
    assertThat(process.waitFor()).isEqualTo(DyingPredecessor.STATUS);
  }

  @Test
  void aPredecessorThatLivesAndDoesNotAnswerGoesOnAlone() throws Exception {
    Path socket = directory.resolve("lives.sock");
    Process process = predecessor(socket, "lives");
    try (NodeSuccession succession = NodeSuccession.begin(socket, settings(new Configurations()))) {
      succession.awaitServing();
      assertThatThrownBy(succession::taken).isInstanceOf(IOException.class);
    }
    assertThat(process.isAlive()).isTrue();
  }
}
