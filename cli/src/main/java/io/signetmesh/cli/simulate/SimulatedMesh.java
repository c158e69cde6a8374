package io.signetmesh.cli.simulate;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.PodTemplates;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.LabelMatcher;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.policy.clients.ClientWorkloads;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.Finding;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.NotInForce;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.suggest.Suggestion;
import io.signetmesh.policy.suggest.TypoSuggestions;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A mesh that exists in manifests only: the controller's index over them, and for each port the
 * proxy's engine.
 */
public final class SimulatedMesh {
  private final ClusterView view;
  private final PolicyConfig config;
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final Map<ObjectRef, Map<Integer, SimulatedPort>> ports = new HashMap<>();

  /** A mesh with the objects of a view; its pod templates count as pods. */
  public SimulatedMesh(ClusterView given, PolicyConfig config) {
    this.view = PodTemplates.asPods(given, config.controlPlaneNamespace());
    this.config = config;
    this.index = new PolicyIndex(config, InstantSource.fixed(Instant.EPOCH));
    this.linter = new IndexLinter(index);
    PolicyModel reader = new PolicyModel(config::identity);
    List<PolicyObject> objects = new ArrayList<>();
    for (ResourceKey key : view.objects().keySet()) {
      PolicyModel.refOf(key).flatMap(ref -> reader.read(view, ref)).ifPresent(objects::add);
    }
    index.apply(objects, List.of());
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
    return PolicyModel.refOf(workload);
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
        .flatMap(model -> Optional.ofNullable(model.identity()));
  }

  /**
   * A caller, with what is not said filled in as {@link CallerDescription} tells.
   *
   * @param identity identity, or {@code namespace/account} for a service account of this mesh; null
   *     when it shows none
   * @param ip literal address; null when it is not said
   * @param tls whether it comes with mesh TLS; null when it is not said
   * @throws IllegalArgumentException for an identity that no client has, what is no address, and an
   *     identity without mesh TLS
   */
  public Caller caller(@Nullable String identity, @Nullable String ip, @Nullable Boolean tls) {
    CallerDescription said = CallerDescription.of(identity, ip, tls, config);
    return said.caller(said.find(new ClientWorkloads(view, index::workload)).orElse(null));
  }

  /**
   * What is wrong with objects that affect a port, or would with the object corrected; errors
   * first, and of those the most telling.
   */
  public List<PortFinding> findings(WorkloadRef workload, int port) {
    Map<Finding, Suggestion> suggestions = TypoSuggestions.of(linter, refOf(workload), port);
    return linter.findings(refOf(workload), port).stream()
        .map(finding -> PortFinding.of(located(finding)).meaning(suggestions.get(finding)))
        .toList();
  }

  /** What is wrong with the objects seen together, errors first. */
  List<Finding> findings() {
    List<Finding> all = new ArrayList<>(NotInForce.of(view));
    linter.findings().forEach(finding -> all.add(located(finding)));
    all.sort(null);
    return List.copyOf(all);
  }

  private Finding located(Finding finding) {
    return finding.at(PolicyModel.originOf(view, finding.object(), finding.field()));
  }
}
