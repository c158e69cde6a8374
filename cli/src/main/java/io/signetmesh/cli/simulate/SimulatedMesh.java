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
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.NotInForce;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyModel;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.suggest.Suggestion;
import io.signetmesh.policy.suggest.TypoSuggestions;
import io.signetmesh.policy.token.KnownKeys;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A mesh that exists only as manifests: the controller's policy index, and for each port the
 * proxy's policy engine.
 */
public final class SimulatedMesh {
  private final ClusterView given;
  private final Map<String, KnownKeys> keys;
  private final ClusterView view;
  private final PolicyConfig config;
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final Map<ObjectRef, Map<Integer, SimulatedPort>> ports = new HashMap<>();

  /**
   * A mesh with the objects of a view. Its pod templates count as Pods. Nothing is fetched, so
   * JWTAuthentications whose keys the controller would fetch have none.
   */
  public SimulatedMesh(ClusterView given, PolicyConfig config) {
    this(given, config, Map.of());
  }

  /**
   * A mesh with the objects of a view, and with key sets as its controller would have fetched them.
   *
   * @param keys by {@code namespace/name} of the JWTAuthentication
   * @throws IllegalArgumentException when there is no such JWTAuthentication, or its keys are not
   *     fetched
   */
  public SimulatedMesh(ClusterView given, PolicyConfig config, Map<String, KnownKeys> keys) {
    this.given = given;
    this.keys = keys;
    this.view = PodTemplates.asPods(given, config.controlPlaneNamespace());
    this.config = config;
    this.index = new PolicyIndex(config, InstantSource.fixed(Instant.EPOCH));
    this.linter = new IndexLinter(index);
    PolicyModel reader = new PolicyModel(config::identity);
    List<PolicyObject> objects = new ArrayList<>();
    for (ResourceKey key : view.objects().keySet()) {
      PolicyModel.refOf(key).flatMap(ref -> reader.read(view, ref)).ifPresent(objects::add);
    }
    objects.addAll(KeyFiles.fetched(objects, keys));
    index.apply(objects, List.of());
  }

  /**
   * The same mesh with more key sets, as its controller would have fetched them.
   *
   * @param more by {@code namespace/name} of the JWTAuthentication
   * @throws IllegalArgumentException when there is no such JWTAuthentication, or its keys are not
   *     fetched
   */
  public SimulatedMesh with(Map<String, KnownKeys> more) {
    if (more.isEmpty()) {
      return this;
    }
    Map<String, KnownKeys> all = new TreeMap<>(keys);
    all.putAll(more);
    return new SimulatedMesh(given, config, all);
  }

  /** The objects, with a Pod for each pod template. */
  public ClusterView view() {
    return view;
  }

  /** The settings on which policy depends besides the objects. */
  public PolicyConfig config() {
    return config;
  }

  /** The controller's policy index of the objects. */
  public PolicyIndex index() {
    return index;
  }

  /** Converts a workload's name to the form of the index. */
  public static ObjectRef refOf(WorkloadRef workload) {
    return PolicyModel.refOf(workload);
  }

  /** A port of a workload; empty when the mesh does not have the workload. */
  public Optional<SimulatedPort> port(WorkloadRef workload, int port) {
    ObjectRef ref = refOf(workload);
    Map<Integer, SimulatedPort> known = ports.computeIfAbsent(ref, key -> new HashMap<>());
    SimulatedPort found = known.get(port);
    if (found == null) {
      Optional<Server> message = index.policy(ref, port).map(EffectivePolicy::server);
      if (message.isEmpty()) {
        return Optional.empty();
      }
      found = new SimulatedPort(message.get(), workload.name(), port);
      known.put(port, found);
    }
    return Optional.of(found);
  }

  /**
   * Known ports of a workload: those that it declares, and those that a Server of its namespace
   * names by number.
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

  /**
   * {@code namespace/account} for the identity of a ServiceAccount of this mesh; any other identity
   * unchanged.
   */
  public String accountName(String identity) {
    String[] parts = identity.split("\\.", 3);
    return parts.length == 3 && config.identity(parts[0], parts[1]).equals(identity)
        ? parts[1] + "/" + parts[0]
        : identity;
  }

  /**
   * Short name of an identity suffix: {@code any of NAMESPACE} if all ServiceAccounts of a
   * namespace share it, else {@code *.SUFFIX}.
   */
  public String namespaceName(String suffix) {
    String namespace = suffix.split("\\.", 2)[0];
    return config.identity("*", namespace).equals("*." + suffix)
        ? "any of " + namespace
        : "*." + suffix;
  }

  /** The identity of a workload; empty when it has none. */
  public Optional<String> identity(Workload workload) {
    return index
        .workload(refOf(workload.ref()))
        .flatMap(model -> Optional.ofNullable(model.identity()));
  }

  /**
   * A caller. Missing parts are filled in as {@link CallerDescription} says.
   *
   * @param identity identity, or {@code namespace/account} for a ServiceAccount of this mesh; null
   *     without one
   * @param ip literal IP address; null when it is not given
   * @param tls whether the caller uses mesh TLS; null when it is not given
   * @throws IllegalArgumentException when no certificate can have the identity, the address is
   *     invalid, or there is an identity without mesh TLS
   */
  public Caller caller(@Nullable String identity, @Nullable String ip, @Nullable Boolean tls) {
    CallerDescription said = CallerDescription.of(identity, ip, tls, config);
    return said.caller(said.find(new ClientWorkloads(view, index::workload)).orElse(null));
  }

  /**
   * Errors and warnings of objects that affect a port, or would if they were corrected. Errors come
   * first, the most specific before others.
   */
  public List<PortFinding> findings(WorkloadRef workload, int port) {
    Map<LintFinding, Suggestion> suggestions = TypoSuggestions.of(linter, refOf(workload), port);
    return linter.findings(refOf(workload), port).stream()
        .map(finding -> PortFinding.of(located(finding)).meaning(suggestions.get(finding)))
        .toList();
  }

  /** What is wrong with the objects seen together, errors first. */
  List<LintFinding> findings() {
    List<LintFinding> all = new ArrayList<>(NotInForce.of(view));
    for (LintFinding finding : linter.findings()) {
      if (!isNotFetched(finding)) {
        all.add(located(finding));
      }
    }
    all.sort(null);
    return List.copyOf(all);
  }

  /** Whether it says only that here nobody fetches keys. */
  private static boolean isNotFetched(LintFinding finding) {
    return finding.rule() == LintFinding.Rule.KEY_SET_UNAVAILABLE
        && finding.message().contains(KeyFiles.NOT_FETCHED);
  }

  private LintFinding located(LintFinding finding) {
    return finding.at(PolicyModel.originOf(view, finding.object(), finding.field()));
  }
}
