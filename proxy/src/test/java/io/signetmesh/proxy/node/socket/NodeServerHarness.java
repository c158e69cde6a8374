package io.signetmesh.proxy.node.socket;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.netns.NamespaceThread;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.NodeResponse;
import io.signetmesh.v1.NodeRole;
import io.signetmesh.v1.SnapshotEnd;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadQuery;
import io.signetmesh.v1.WorkloadState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A socket with real proxies, which obtain no certificate because there is no control plane. */
abstract class NodeServerHarness {
  static final Duration LIMIT = Duration.ofMillis(500);
  static final Duration ANSWER = Duration.ofSeconds(20);

  final NamespaceThread namespaces = new NamespaceThread();
  final AtomicReference<@Nullable NodeServer> server = new AtomicReference<>();
  final CountDownLatch succeeded = new CountDownLatch(1);

  /** All changes of states. */
  final List<String> told = new CopyOnWriteArrayList<>();

  /** What the start of a workload waits for whose name begins with {@code slow}. */
  final CountDownLatch goOn = new CountDownLatch(1);

  /** Takes connections in the place of the server, and may fail. */
  volatile NodeServer.Accept accept = UnixListener::accept;

  /** Runs when the token of a workload has been kept, before the workload is there. */
  volatile Runnable tokenKept = () -> {};

  final NodeWorkloads workloads =
      new NodeWorkloads(
          () -> DataPlane.start(null, 1),
          InstantSource.system(),
          new NodeWorkloads.Options(false, false),
          status -> {
            NodeServer listening = server.get();
            if (listening != null) {
              listening.changed(status);
            }
            told.add(status.name() + " " + status.state());
          });
  final List<AutoCloseable> parts = new ArrayList<>();
  String anchors = "";
  Path path;

  @TempDir Path directory;

  /** Proxies at ports that the system chooses. */
  final class Configurations implements ProxyConfigurations {
    @Override
    public ProxyConfig of(WorkloadAnnouncement announced) throws InvalidConfigException {
      if (announced.getName().startsWith("slow")) {
        try {
          goOn.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      Map<String, String> environment = new HashMap<>();
      String account = ".linkerd.serviceaccount.identity.linkerd.cluster.local";
      environment.put("LINKERD2_PROXY_POLICY_WORKLOAD", "shop:" + announced.getName());
      environment.put(
          "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
          announced.getServiceAccount() + ".shop.serviceaccount.identity.linkerd.cluster.local");
      environment.put("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", anchors);
      environment.put(
          "LINKERD2_PROXY_IDENTITY_TOKEN_FILE",
          announced.hasToken()
              ? directory.resolve("token." + announced.getName()).toString()
              : announced.getTokenFile());
      for (String service : List.of("IDENTITY", "DESTINATION", "POLICY")) {
        environment.put("LINKERD2_PROXY_" + service + "_SVC_ADDR", "127.0.0.1:1");
        environment.put(
            "LINKERD2_PROXY_" + service + "_SVC_NAME", service.toLowerCase(Locale.ROOT) + account);
      }
      environment.put("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "127.0.0.1:0");
      environment.put("LINKERD2_PROXY_ADMIN_LISTEN_ADDR", "127.0.0.1:0");
      environment.put(
          "SIGNET_PROXY_AUDIT_FILE", directory.resolve(announced.getName() + ".jsonl").toString());
      environment.put("SIGNET_PROXY_HANDOVER", "off");
      environment.putAll(announced.getEnvironmentMap());
      return ProxyConfig.from(environment);
    }

    @Override
    public void keepToken(WorkloadAnnouncement announced) throws IOException {
      if (announced.hasToken()) {
        Files.writeString(directory.resolve("token." + announced.getName()), announced.getToken());
        tokenKept.run();
      }
    }

    @Override
    public void forget(String name) {
      try {
        Files.deleteIfExists(directory.resolve("token." + name.substring(name.indexOf('/') + 1)));
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void forgetOthers() {
      // None is left by others.
    }
  }

  @BeforeEach
  void listen() throws Exception {
    anchors =
        new CertificateBuilder()
            .ecp256()
            .subject("CN=anchor")
            .setIsCertificateAuthority(true)
            .buildSelfSigned()
            .getCertificatePathPEM();
    path = directory.resolve("node.sock");
    server.set(
        NodeServer.listen(
            path,
            new NodeServer.Settings(
                workloads, new Configurations(), namespaces, 0, succeeded::countDown, LIMIT),
            listener -> accept.from(listener)));
  }

  @AfterEach
  void close() throws Exception {
    goOn.countDown();
    for (AutoCloseable part : parts.reversed()) {
      part.close();
    }
    NodeServer listening = server.get();
    if (listening != null) {
      listening.close();
    }
    workloads.close();
    namespaces.close();
  }

  NodeClient connect(NodeRole role) throws IOException {
    NodeClient client = NodeClient.connect(path, role, ANSWER);
    parts.add(client);
    return client;
  }

  static WorkloadAnnouncement.Builder workload(String name) {
    return WorkloadAnnouncement.newBuilder()
        .setNamespace("shop")
        .setName(name)
        .setServiceAccount(name)
        .addAddresses("127.0.0.1")
        .setTokenFile("/nowhere/token");
  }

  static WorkloadState add(NodeClient client, WorkloadAnnouncement.Builder workload)
      throws IOException {
    return client.call(NodeRequest.newBuilder().setAdd(workload), -1).getState();
  }

  static List<String> list(NodeClient client) throws IOException {
    return client
        .call(NodeRequest.newBuilder().setList(WorkloadQuery.getDefaultInstance()), -1)
        .getStates()
        .getStatesList()
        .stream()
        .map(state -> state.getName() + " " + state.getCondition().name().substring(19))
        .toList();
  }

  static NodeRequest.Builder snapshotEnd() {
    return NodeRequest.newBuilder().setSnapshotEnd(SnapshotEnd.getDefaultInstance());
  }

  static void await(NodeClient client, Predicate<NodeResponse> wanted) throws IOException {
    while (!wanted.test(client.next(ANSWER))) {
      // Another change.
    }
  }

  static Predicate<NodeResponse> change(String name, WorkloadCondition condition) {
    return response ->
        response.getId() == 0
            && response.getState().getName().equals(name)
            && response.getState().getCondition() == condition;
  }

  /** The server hears of the end of the one before a moment later. */
  NodeClient connectOnceFree() throws IOException {
    while (true) {
      try {
        return connect(NodeRole.NODE_ROLE_AGENT);
      } catch (NodeRefusedException e) {
        assertThat(e).hasMessageContaining("one at a time");
      }
    }
  }

  NodeClient connectOnceAllowed() throws IOException {
    while (true) {
      try {
        return connect(NodeRole.NODE_ROLE_AGENT);
      } catch (NodeRefusedException e) {
        assertThat(e).hasMessageContaining("about to take over");
      }
    }
  }
}
