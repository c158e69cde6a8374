package io.signetmesh.e2e.decision;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.handler.ssl.SslContext;
import io.signetmesh.cli.cases.PolicyCase;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.InboundListener;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.ProxyEnvironment;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import io.signetmesh.cli.simulate.Call;
import io.signetmesh.cli.simulate.CallProtocol;
import io.signetmesh.cli.simulate.CallToken;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cli.simulate.WorkloadNames;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.connect.TransportHeader;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A control plane and a proxy for each workload that the cases call, all in this process, on a
 * loopback network of their own.
 */
final class CaseMesh implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Duration MOMENT = Duration.ofMillis(300);
  private static final int ATTEMPTS = 10;

  /** Rate limits are full again after a second. */
  private static final Duration FULL_AGAIN = Duration.ofMillis(1_100);

  private static final int LISTEN_OFFSET = 10_000;
  private static final int FIRST_WORKLOAD = 10;

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final Map<WorkloadRef, Served> served = new HashMap<>();
  private final CaseClient client;
  private final CaseLeaves leaves;
  private final WorkloadNames names;
  private final CaseIssuer issuer;

  /** A workload with its proxy. */
  private static final class Served {
    final HostWorkload workload;
    final String serverName;
    final Map<Integer, Integer> ipv6;
    final JournalTail journal;
    final InetSocketAddress admin;
    final Map<String, List<DecisionRecord>> records = new HashMap<>();

    Served(
        HostWorkload workload,
        String serverName,
        Map<Integer, Integer> ipv6,
        JournalTail journal,
        InetSocketAddress admin) {
      this.workload = workload;
      this.serverName = serverName;
      this.ipv6 = ipv6;
      this.journal = journal;
      this.admin = admin;
    }

    /** How many requests the proxy has counted by now. */
    RouteCounts counts() throws Exception {
      return RouteCounts.of(admin);
    }

    /** Forgets what has been decided so far: a client may get the port of an earlier one. */
    void forget() throws Exception {
      journal.skip();
      records.clear();
    }

    /** The decision about a client that has this number, from 1, once there are so many. */
    DecisionRecord await(InetSocketAddress from, int count) throws Exception {
      String address = from.getAddress().getHostAddress();
      String text =
          (address.contains(":") ? "[" + from.getAddress().getHostAddress() + "]" : address)
              + ":"
              + from.getPort();
      long end = System.nanoTime() + LIMIT.toNanos() / 4;
      while (true) {
        for (DecisionRecord record : journal.decisions()) {
          // What an allowed CONNECT becomes is a record of its own, about no call.
          if (!record.reason().equals("tunnel")) {
            records
                .computeIfAbsent(normal(record.clientAddress()), _ -> new ArrayList<>())
                .add(record);
          }
        }
        List<DecisionRecord> found = records.getOrDefault(normal(text), List.of());
        if (found.size() >= count) {
          return found.get(count - 1);
        }
        if (System.nanoTime() - end > 0) {
          throw new AssertionError(
              found.size() + " of " + count + " decisions are on record for " + text);
        }
        TimeUnit.MILLISECONDS.sleep(2);
      }
    }

    private static String normal(String address) {
      return address.replace("0:0:0:0:0:0:0:1", "::1");
    }
  }

  private CaseMesh(CaseClient client, CaseLeaves leaves, WorkloadNames names, CaseIssuer issuer) {
    this.issuer = issuer;
    this.client = client;
    this.leaves = leaves;
    this.names = names;
  }

  /**
   * Starts everything.
   *
   * @param directory for state, journals and tokens
   * @param manifests directory with the manifests of all topics
   * @param settings of the control plane
   * @param issuer signs the tokens of the calls
   */
  static CaseMesh start(
      Path directory,
      Path manifests,
      ClusterSettings settings,
      List<PolicyCase> cases,
      CaseIssuer issuer)
      throws Exception {
    Deque<AutoCloseable> parts = new ArrayDeque<>();
    try {
      LoopbackNet net = LoopbackNet.reserve();
      parts.push(net);
      EventLoopGroup group = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
      parts.push(() -> group.shutdownGracefully(0, 1, TimeUnit.SECONDS).await());
      Path state = directory.resolve("state");
      EmbeddedAuthority partner =
          EmbeddedAuthority.open(
              directory.resolve("partner"), "linkerd", CaseLeaves.PARTNER, Clock.systemUTC());
      ControlPlaneServers servers =
          ControlPlaneServers.start(
              new ControlPlaneServers.Config(
                  state,
                  manifests,
                  null,
                  ControlPlane.at(net.address(2)),
                  settings,
                  IssuancePolicy.DEFAULT,
                  new FederationConfig(federation(directory, partner), null),
                  new AdminServer.Listen(new InetSocketAddress(net.address(2), 0), true),
                  null),
              Clock.systemUTC());
      parts.push(servers);
      CaseMesh mesh =
          new CaseMesh(
              new CaseClient(group),
              CaseLeaves.of(state, settings.names(), partner),
              new WorkloadNames(PolicySources.read(List.of(manifests)).view()),
              issuer);
      mesh.parts.addAll(parts);
      parts = mesh.parts;
      mesh.serve(cases, net, servers, group, directory, settings.names());
      return mesh;
    } catch (Exception | AssertionError e) {
      closeAll(parts);
      throw e;
    }
  }

  /** Nobody serves the bundles: what is known at first stays. */
  private static Path federation(Path directory, EmbeddedAuthority partner) throws Exception {
    Files.writeString(
        directory.resolve("partner.pem"), Certificates.toPem(List.of(partner.anchor())));
    return Files.writeString(
        directory.resolve("federation.yaml"),
        """
        trustDomains:
          - trustDomain: %1$s
            bundleEndpointUrl: https://127.0.0.1:1/
            profile: https_spiffe
            endpointSpiffeId: spiffe://%1$s/ns/linkerd/sa/linkerd-identity
            initialBundle: partner.pem
          - trustDomain: %2$s
            bundleEndpointUrl: https://127.0.0.1:1/
            profile: https_web
        """
            .formatted(CaseLeaves.PARTNER, CaseLeaves.PENDING));
  }

  private void serve(
      List<PolicyCase> cases,
      LoopbackNet net,
      ControlPlaneServers servers,
      EventLoopGroup group,
      Path directory,
      MeshNames mesh)
      throws Exception {
    Path audit = directory.resolve("audit");
    StateFiles.createDirectory(audit);
    Map<WorkloadRef, Workload> workloads = new TreeMap<>();
    Map<WorkloadRef, Set<Integer>> ports = new HashMap<>();
    Map<WorkloadRef, Set<Integer>> ipv6 = new HashMap<>();
    for (PolicyCase test : cases) {
      Workload workload = names.find(test.workload());
      workloads.put(workload.ref(), workload);
      ports.computeIfAbsent(workload.ref(), _ -> new TreeSet<>()).add(test.port());
      for (PolicyCase.CallCase call : test.calls()) {
        if (address(test, call) instanceof Inet6Address) {
          ipv6.computeIfAbsent(workload.ref(), _ -> new TreeSet<>()).add(test.port());
        }
      }
    }
    List<Proxy> proxies = new ArrayList<>();
    int next = FIRST_WORKLOAD;
    for (Workload workload : workloads.values()) {
      WorkloadRef ref = workload.ref();
      Set<Integer> called = ports.getOrDefault(ref, Set.of());
      boolean external = ref.kind() == WorkloadRef.Kind.EXTERNAL_WORKLOAD;
      HostWorkload host =
          new HostWorkload(
              ref.namespace(),
              ref.name(),
              external ? ref.name() : workload.serviceAccount(),
              net.address(next++),
              List.of(),
              List.of(),
              called.stream()
                  .map(port -> new InboundListener(port + LISTEN_OFFSET, port))
                  .toList());
      for (int port : called) {
        var listener = CaseApplication.listen(group, new InetSocketAddress(host.address(), port));
        parts.push(() -> listener.close().sync());
      }
      String name = host.namespace() + "." + host.name();
      Path journal = audit.resolve(name + ".jsonl");
      Map<String, String> environment =
          new HashMap<>(
              ProxyEnvironment.of(
                  host,
                  mesh,
                  servers.addresses(),
                  servers.trustAnchors(),
                  servers.tokens().issue(name, host.namespace(), host.serviceAccount()),
                  journal));
      environment.put("LINKERD2_PROXY_POLICY_WORKLOAD", ref.toWire());
      environment.put("SIGNET_PROXY_POLICY_WAIT", "20s");
      Map<Integer, Integer> ipv6Listeners = new HashMap<>();
      for (int port : ipv6.getOrDefault(ref, Set.of())) {
        int free = freeIpv6Port();
        ipv6Listeners.put(port, free);
        environment.merge(
            "SIGNET_PROXY_INBOUND_LISTENERS", "[::1]:" + free + "=" + port, (a, b) -> a + "," + b);
      }
      Proxy proxy = Proxy.start(ProxyConfig.from(environment), Clock.systemUTC());
      parts.push(proxy);
      proxies.add(proxy);
      served.put(
          ref,
          new Served(
              host,
              mesh.identity(host.namespace(), host.serviceAccount()).dnsName(),
              ipv6Listeners,
              JournalTail.fromStart(journal),
              proxy.admin()));
    }
    for (Proxy proxy : proxies) {
      proxy.ready().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
  }

  private static int freeIpv6Port() throws Exception {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.ofLiteral("::1"), 0));
      return socket.getLocalPort();
    }
  }

  private static InetAddress address(PolicyCase test, PolicyCase.CallCase call) {
    PolicyCase.ClientCase who = Objects.requireNonNull(call.client(), test.name());
    return InetAddress.ofLiteral(Objects.requireNonNull(who.ip(), test.name()));
  }

  /**
   * Makes the calls of a case, from their addresses, and reads what the proxy recorded and counted.
   * What is to be at one moment is done again where that took so long that a rate limit may have
   * given something back.
   *
   * @return what came of each, the last of them of what is tested
   */
  List<Outcome> call(PolicyCase test) throws Exception {
    Served to = Objects.requireNonNull(served.get(names.find(test.workload()).ref()));
    for (int attempt = 1; ; attempt++) {
      long started = System.nanoTime();
      List<Made> made = new ArrayList<>();
      // A later call may get the port of an earlier one.
      Map<InetSocketAddress, Integer> decisions = new HashMap<>();
      to.forget();
      for (PolicyCase.CallCase call : test.calls()) {
        Made one = call(test, call, to);
        made.add(one.endingAt(decisions.merge(one.reply().local(), one.decisions(), Integer::sum)));
      }
      if (made.size() == 1 || System.nanoTime() - started < MOMENT.toNanos()) {
        List<Outcome> outcomes = new ArrayList<>();
        for (Made one : made) {
          outcomes.add(outcome(to, one));
        }
        return outcomes;
      }
      if (attempt == ATTEMPTS) {
        throw new AssertionError("the calls did not get done within " + MOMENT);
      }
      for (Made one : made) {
        to.await(one.reply().local(), one.decisions());
      }
      TimeUnit.MILLISECONDS.sleep(FULL_AGAIN.toMillis());
    }
  }

  /**
   * A call that was made, with the route under which the proxy counted it.
   *
   * @param decisions about its client's address up to its own last one
   */
  private record Made(
      CallProtocol protocol, int decisions, CaseClient.Reply reply, @Nullable ResourceRef route) {
    Made endingAt(int last) {
      return new Made(protocol, last, reply, route);
    }
  }

  private Made call(PolicyCase test, PolicyCase.CallCase call, Served to) throws Exception {
    PolicyCase.ClientCase who = Objects.requireNonNull(call.client(), test.name());
    PolicyCase.RequestCase request = Objects.requireNonNull(call.request(), test.name());
    CallProtocol protocol = Objects.requireNonNull(request.protocol(), test.name());
    String identity = who.identity();
    boolean tls = who.tls() == null ? identity != null : who.tls();
    // Peers' proxies hand bytes over with the transport header, requests as they are.
    boolean direct = protocol == CallProtocol.TCP && identity != null;
    SslContext context =
        tls ? leaves.context(identity, direct ? List.of(TransportHeader.ALPN) : List.of()) : null;
    InetAddress from = address(test, call);
    CaseClient.Route route =
        new CaseClient.Route(
            new InetSocketAddress(from, 0),
            listener(to, test.port(), from, direct),
            context,
            to.serverName,
            direct ? test.port() : 0);
    int times = Objects.requireNonNullElse(call.repeat(), 1);
    RouteCounts before = to.counts();
    CaseClient.Reply reply =
        switch (protocol) {
          case HTTP1 -> client.http1(route, request(test, request, "GET", identity), times);
          case HTTP2 -> client.http2(route, request(test, request, "GET", identity), false, times);
          case GRPC -> client.http2(route, request(test, request, "POST", identity), true, times);
          case TCP -> client.bytes(route, false);
          case TLS -> client.bytes(route, true);
        };
    return new Made(protocol, times, reply, to.counts().grownSince(before));
  }

  /**
   * Makes the call of a case over HTTP/1.1, with a certificate of a CA that may not vouch for the
   * name in it.
   *
   * @param identity name that is claimed
   * @param byPartner with a certificate of the CA of the federated trust domain, else of the mesh's
   */
  Outcome claim(PolicyCase test, String identity, boolean byPartner) throws Exception {
    Served to = Objects.requireNonNull(served.get(names.find(test.workload()).ref()));
    PolicyCase.CallCase call = test.calls().getLast();
    InetAddress from = address(test, call);
    to.forget();
    CaseClient.Reply reply =
        client.http1(
            new CaseClient.Route(
                new InetSocketAddress(from, 0),
                listener(to, test.port(), from, false),
                leaves.claimed(identity, byPartner),
                to.serverName,
                0),
            request(test, Objects.requireNonNull(call.request(), test.name()), "GET", identity),
            1);
    return Outcome.of(reply, to.await(reply.local(), 1), null);
  }

  private static Outcome outcome(Served to, Made made) throws Exception {
    CaseClient.Reply reply = made.reply();
    DecisionRecord record = to.await(reply.local(), made.decisions());
    Outcome outcome = Outcome.of(reply, record, made.route());
    boolean allowed = outcome.verdict().equals("allow");
    if (!made.protocol().isHttp()) {
      if (reply.bytes() > 0 != allowed) {
        throw new AssertionError(outcome + " is on record, but " + reply + " came");
      }
    } else if (allowed
        && reply.status() == 200
        && reply.grpcStatus() < 0
        && !CaseApplication.VALUE.equals(reply.application())) {
      throw new AssertionError("what the application answered has been changed: " + reply);
    }
    return outcome;
  }

  private static InetSocketAddress listener(Served to, int port, InetAddress from, boolean direct) {
    if (direct) {
      return to.workload.direct();
    }
    Integer ipv6 = from instanceof Inet6Address ? to.ipv6.get(port) : null;
    return ipv6 == null
        ? new InetSocketAddress(to.workload.address(), port + LISTEN_OFFSET)
        : new InetSocketAddress(from, ipv6);
  }

  private CaseClient.Request request(
      PolicyCase test, PolicyCase.RequestCase request, String method, @Nullable String identity)
      throws Exception {
    Call call = request.call(Path.of(""));
    CallToken token = call.token();
    if (token != null) {
      call = call.carrying(issuer.text(token, leaves.certificate(identity)));
    }
    return new CaseClient.Request(
        orElse(call.method(), method),
        orElse(call.path(), "/"),
        orElse(call.host(), test.workload().substring(test.workload().indexOf('/') + 1)),
        call.headers());
  }

  private static String orElse(@Nullable String text, String other) {
    return text == null ? other : text;
  }

  @Override
  public void close() throws Exception {
    closeAll(parts);
  }

  private static void closeAll(Deque<AutoCloseable> parts) throws Exception {
    for (AutoCloseable part = parts.poll(); part != null; part = parts.poll()) {
      part.close();
    }
  }
}
