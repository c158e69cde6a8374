package io.signetmesh.cli.simulate;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.LabelMatcher;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.policy.facts.ClusterFacts;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.index.EffectivePolicy;
import io.signetmesh.policy.index.Finding;
import io.signetmesh.policy.index.PolicyConfig;
import io.signetmesh.policy.index.PolicyIndex;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A mesh that exists in manifests only: the controller's index over them, and for each port the
 * proxy's engine.
 */
public final class SimulatedMesh {
  /** Where callers come from of whom nothing else is known (RFC 5737): no network grants it. */
  public static final InetAddress NOWHERE = address("192.0.2.1");

  private final ClusterView view;
  private final PolicyConfig config;
  private final PolicyIndex index;
  private final Map<ObjectRef, Map<Integer, SimulatedPort>> ports = new HashMap<>();

  /** A mesh with the objects of a view. */
  public SimulatedMesh(ClusterView view, PolicyConfig config) {
    this.view = view;
    this.config = config;
    this.index = new PolicyIndex(config, InstantSource.fixed(Instant.EPOCH));
    ClusterFacts reader = new ClusterFacts(config::identity);
    List<Fact> facts = new ArrayList<>();
    for (ResourceKey key : view.objects().keySet()) {
      ClusterFacts.refOf(key).flatMap(ref -> reader.read(view, ref)).ifPresent(facts::add);
    }
    index.apply(facts, List.of());
  }

  /** The objects. */
  public ClusterView view() {
    return view;
  }

  /** What policy means in this mesh, apart from its objects. */
  public PolicyConfig config() {
    return config;
  }

  /** The controller's index over the objects. */
  public PolicyIndex index() {
    return index;
  }

  /** The index's name of a workload. */
  public static ObjectRef refOf(WorkloadRef workload) {
    return switch (workload.kind()) {
      case POD -> ObjectRef.pod(workload.namespace(), workload.name());
      case EXTERNAL_WORKLOAD -> ObjectRef.externalWorkload(workload.namespace(), workload.name());
    };
  }

  /** A port of a workload; empty when the mesh has no such workload. */
  public Optional<SimulatedPort> port(WorkloadRef workload, int port) {
    ObjectRef ref = refOf(workload);
    Map<Integer, SimulatedPort> known = ports.computeIfAbsent(ref, key -> new HashMap<>());
    SimulatedPort found = known.get(port);
    if (found == null) {
      Optional<Server> message = index.policy(ref, port).map(EffectivePolicy::server);
      if (message.isEmpty()) {
        return Optional.empty();
      }
      found = new SimulatedPort(message.get(), workload.name());
      known.put(port, found);
    }
    return Optional.of(found);
  }

  /**
   * Ports of a workload of which something is known: those that it declares, and those that a
   * Server of its namespace names by number.
   */
  public Set<Integer> portsOf(Workload workload) {
    Set<Integer> numbers = new TreeSet<>();
    for (Workload.Port port : workload.ports()) {
      if (port.protocol().equals("TCP")) {
        numbers.add(port.port());
      }
    }
    for (io.signetmesh.crds.policy.Server server : view.servers(workload.ref().namespace())) {
      Integer number = server.spec().port().getIntVal();
      if (number != null
          && selects(server.spec(), workload)
          && isServer(port(workload.ref(), number))) {
        numbers.add(number);
      }
    }
    return numbers;
  }

  /** A look at the labels, before the policy of a port is worked out. */
  private static boolean selects(ServerSpec server, Workload workload) {
    LabelSelector selector =
        workload.ref().kind() == WorkloadRef.Kind.POD
            ? server.podSelector()
            : server.externalWorkloadSelector();
    return selector != null && LabelMatcher.of(selector).matches(workload.labels());
  }

  private static boolean isServer(Optional<SimulatedPort> port) {
    return port.filter(known -> !known.policy().server().kind().equals("default")).isPresent();
  }

  /** {@code namespace/account} for the identity of a service account of this mesh, else itself. */
  public String accountName(String identity) {
    String[] parts = identity.split("\\.", 3);
    return parts.length == 3 && config.identity(parts[0], parts[1]).equals(identity)
        ? parts[1] + "/" + parts[0]
        : identity;
  }

  /**
   * {@code any of NAMESPACE} for the suffix that all service accounts of a namespace share, {@code
   * *.SUFFIX} for any other.
   */
  public String namespaceName(String suffix) {
    String namespace = suffix.split("\\.", 2)[0];
    return config.identity("*", namespace).equals("*." + suffix)
        ? "any of " + namespace
        : "*." + suffix;
  }

  /** The identity of a workload; empty when it can have none. */
  public Optional<String> identity(Workload workload) {
    return index
        .workload(refOf(workload.ref()))
        .flatMap(fact -> Optional.ofNullable(fact.identity()));
  }

  /**
   * A caller. What is not said is filled in: an identity is shown in mesh TLS, and comes from the
   * address of the first workload that has it; whoever else has no address comes from {@link
   * #NOWHERE}.
   *
   * @param identity identity, or {@code namespace/account} for a service account of this mesh; null
   *     when it shows none
   * @param ip literal address; null when it is not said
   * @param tls whether it comes with mesh TLS; null when it is not said
   * @throws IllegalArgumentException for what is no address, and an identity without mesh TLS
   */
  public Caller caller(@Nullable String identity, @Nullable String ip, @Nullable Boolean tls) {
    String name = identity == null ? null : identity(identity, config);
    boolean meshed = tls == null ? name != null : tls;
    if (ip != null) {
      return new Caller(name, literal(ip), meshed, null);
    }
    if (name == null) {
      return new Caller(null, NOWHERE, meshed, "none is given");
    }
    for (Workload workload : view.workloads()) {
      if (!workload.ips().isEmpty() && identity(workload).filter(name::equals).isPresent()) {
        return new Caller(name, workload.ips().getFirst(), meshed, "that of " + workload.ref());
      }
    }
    return new Caller(name, NOWHERE, meshed, "no workload with this identity has one");
  }

  /** As {@link #caller}, where nothing is known of any workload. */
  public static Caller stranger(
      @Nullable String identity, @Nullable String ip, @Nullable Boolean tls, PolicyConfig config) {
    String name = identity == null ? null : identity(identity, config);
    boolean meshed = tls == null ? name != null : tls;
    return ip == null
        ? new Caller(name, NOWHERE, meshed, "none is given, and none is looked up")
        : new Caller(name, literal(ip), meshed, null);
  }

  /** An identity as certificates have it; {@code namespace/account} is one of this mesh. */
  private static String identity(String text, PolicyConfig config) {
    int slash = text.indexOf('/');
    return slash > 0 && !text.contains("://")
        ? config.identity(text.substring(slash + 1), text.substring(0, slash))
        : text;
  }

  /**
   * What is wrong with objects that bear on a port, or that would if it were mended; errors first,
   * and of those the most telling.
   */
  public List<PortFinding> findings(WorkloadRef workload, int port) {
    return index.findings(refOf(workload), port).stream()
        .map(finding -> PortFinding.of(located(finding)))
        .toList();
  }

  /** What is wrong with the objects seen together, errors first. */
  List<Finding> findings() {
    return index.findings().stream().map(this::located).toList();
  }

  private Finding located(Finding finding) {
    return finding.at(ClusterFacts.originOf(view, finding.object(), finding.field()));
  }

  private static InetAddress literal(String ip) {
    if (!IpLiteral.isValid(ip)) {
      throw new IllegalArgumentException("'" + ip + "' is no IP address");
    }
    return address(ip);
  }

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByAddress(Objects.requireNonNull(IpLiteral.parse(literal)));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }
}
