package io.signetmesh.policy.model;

import com.google.protobuf.UnsafeByteOperations;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.cluster.Workload;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.ContentHolder;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.Position;
import io.signetmesh.crds.network.Cidr;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.AuthorizationPolicy;
import io.signetmesh.crds.policy.DenyPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicy;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicySpec;
import io.signetmesh.crds.policy.LocalTargetRef;
import io.signetmesh.crds.policy.MeshTLSAuthentication;
import io.signetmesh.crds.policy.NamespacedTargetRef;
import io.signetmesh.crds.policy.Network;
import io.signetmesh.crds.policy.NetworkAuthentication;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerAuthorization;
import io.signetmesh.crds.policy.ServerAuthorizationSpec;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.route.GatewayHttpRoute;
import io.signetmesh.crds.route.PolicyHttpRoute;
import io.signetmesh.crds.route.grpc.GrpcRoute;
import io.signetmesh.crds.token.JWTAuthentication;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.policy.rego.RegoMessages;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.policy.token.TokenMessages;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the policy model from the objects of a cluster. An object that cannot be read becomes an
 * {@link UnusableModel}: it stays visible and grants nothing.
 */
public final class PolicyModel {
  /** Probe paths of the proxy's admin server. */
  private static final List<String> PROXY_PROBES = List.of("/live", "/ready");

  private final IdentityNaming naming;

  /** Names service accounts as the mesh does. */
  public PolicyModel(IdentityNaming naming) {
    this.naming = naming;
  }

  /** How the mesh names service accounts. */
  @FunctionalInterface
  public interface IdentityNaming {
    /** The identity of a service account. */
    String identity(String serviceAccount, String namespace);
  }

  /** The name that policy has for a workload. */
  public static ObjectRef refOf(WorkloadRef workload) {
    return switch (workload.kind()) {
      case POD -> ObjectRef.pod(workload.namespace(), workload.name());
      case EXTERNAL_WORKLOAD -> ObjectRef.externalWorkload(workload.namespace(), workload.name());
    };
  }

  /**
   * The object that a key names; empty when policy does not depend on objects of its kind. Pods
   * without the label of a proxy are named too, so that a pod which leaves the mesh is removed.
   */
  public static Optional<ObjectRef> refOf(ResourceKey key) {
    return nameOf(key).filter(ref -> ref.kind().decides());
  }

  /** The object that a key names; empty when neither policy nor its findings are about its kind. */
  public static Optional<ObjectRef> nameOf(ResourceKey key) {
    String group = key.group().isEmpty() ? "core" : key.group();
    for (ObjectRef.Kind kind : ObjectRef.Kind.values()) {
      if (kind.group().equals(group) && kind.resourceKind().equals(key.kind())) {
        return Optional.of(
            new ObjectRef(
                kind, kind == ObjectRef.Kind.NAMESPACE ? "" : key.namespace(), key.name()));
      }
    }
    return Optional.empty();
  }

  /** The key of the object that is named. */
  public static ResourceKey keyOf(ObjectRef ref) {
    String group = ref.kind().group();
    return new ResourceKey(
        group.equals("core") ? "" : group, ref.kind().resourceKind(), ref.namespace(), ref.name());
  }

  /**
   * Where a field of the object is written, or the object when that is not known.
   *
   * @param field path of the field; empty for the object as a whole
   */
  public static String originOf(ClusterView view, ObjectRef ref, String field) {
    return view.positionOf(keyOf(ref)).map(place -> place.of(field).toString()).orElse("");
  }

  /** Where the object is written, {@code file:line:column}; empty when that is not known. */
  public static String originOf(ClusterView view, ObjectRef ref) {
    return view.positionOf(keyOf(ref)).map(Position::toString).orElse("");
  }

  /**
   * The model of an object; empty when the view has no such object, or it is a pod without a proxy.
   */
  public Optional<PolicyObject> read(ClusterView view, ObjectRef ref) {
    HasMetadata object = view.find(keyOf(ref)).orElse(null);
    if (object == null) {
      return Optional.empty();
    }
    String origin = originOf(view, ref);
    try {
      return Optional.ofNullable(read(view, ref, origin, object));
    } catch (IllegalArgumentException | DateTimeParseException e) {
      return Optional.of(new UnusableModel(ref, origin, String.valueOf(e.getMessage())));
    }
  }

  private @Nullable PolicyObject read(
      ClusterView view, ObjectRef ref, String origin, HasMetadata object) {
    return switch (object) {
      case Pod pod ->
          view.workload(WorkloadRef.pod(ref.namespace(), ref.name()))
              .filter(workload -> workload.controlPlaneNamespace().isPresent())
              .map(workload -> workload(ref, origin, workload, podIdentity(ref, workload)))
              .orElse(null);
      case ExternalWorkload external ->
          view.workload(WorkloadRef.externalWorkload(ref.namespace(), ref.name()))
              .map(
                  workload ->
                      workload(
                          ref,
                          origin,
                          workload,
                          workload
                              .meshIdentity()
                              .map(Workload.MeshIdentity::identity)
                              .orElse(null)))
              .orElse(null);
      case Namespace namespace ->
          new NamespaceModel(
              ref, origin, PolicyAnnotations.of(namespace.getMetadata().getAnnotations()));
      case ServiceAccount account -> new ServiceAccountModel(ref, origin);
      case Server server -> server(ref, origin, server);
      case AuthorizationPolicy policy ->
          new AuthorizationPolicyModel(
              ref,
              origin,
              reference(policy.spec().targetRef()),
              policy.spec().requiredAuthenticationRefs().stream()
                  .map(PolicyModel::reference)
                  .toList(),
              mode(policy));
      case DenyPolicy policy ->
          new DenyPolicyModel(
              ref,
              origin,
              reference(policy.spec().targetRef()),
              policy.spec().requiredAuthenticationRefs().stream()
                  .map(PolicyModel::reference)
                  .toList(),
              Objects.requireNonNullElse(policy.spec().mode(), EnforcementMode.ENFORCE));
      case HTTPLocalRateLimitPolicy limits -> rateLimit(ref, origin, limits);
      case ServerAuthorization authorization -> serverAuthorization(ref, origin, authorization);
      case MeshTLSAuthentication authentication ->
          new MeshTlsModel(
              ref,
              origin,
              authentication.spec().identities().stream().map(IdentityMatch::parse).toList(),
              authentication.spec().identityRefs().stream().map(PolicyModel::reference).toList());
      case NetworkAuthentication authentication ->
          new NetworkModel(ref, origin, networks("networks", authentication.spec().networks()));
      case JWTAuthentication authentication ->
          new JwtModel.Authentication(
              ref,
              origin,
              TokenMessages.of(JwtModel.nameOf(ref), authentication.spec()),
              KeySource.of(authentication.spec()));
      case RegoAuthentication authentication ->
          new RegoModel.Authentication(
              ref,
              origin,
              RegoMessages.of(RegoModel.nameOf(ref), authentication.spec()),
              BundleSource.of(ref.namespace(), authentication.spec().bundle()));
      case ContentHolder holder -> {
        Map<String, KnownKeys> entries = new HashMap<>();
        Map<String, KnownBundle> bundles = new HashMap<>();
        holder.spec().byName().forEach((name, text) -> entries.put(name, KnownKeys.parse(text)));
        holder
            .spec()
            .bundles()
            .forEach(
                (name, content) ->
                    bundles.put(
                        name,
                        KnownBundle.of(
                            UnsafeByteOperations.unsafeWrap(content.asReadOnlyBuffer()))));
        holder.spec().refused().forEach((name, why) -> bundles.put(name, KnownBundle.none(why)));
        yield new JwtModel.Holder(ref, origin, entries, bundles);
      }
      case PolicyHttpRoute route ->
          RouteModelReader.http(ref, origin, created(route.getMetadata()), route.spec());
      case GatewayHttpRoute route ->
          RouteModelReader.http(ref, origin, created(route.getMetadata()), route.spec());
      case GrpcRoute route ->
          RouteModelReader.grpc(ref, origin, created(route.getMetadata()), route.spec());
      default ->
          throw new IllegalArgumentException(
              "is read as " + object.getClass().getName() + ", which is not a kind of policy");
    };
  }

  private String podIdentity(ObjectRef ref, Workload workload) {
    return naming.identity(workload.serviceAccount(), ref.namespace());
  }

  private static WorkloadModel workload(
      ObjectRef ref, String origin, Workload workload, @Nullable String identity) {
    return new WorkloadModel(
        ref,
        origin,
        workload.labels(),
        PolicyAnnotations.of(workload.annotations()),
        identity,
        workload.nodeName().orElse(""),
        workload.ports().stream()
            .filter(port -> port.protocol().equals("TCP") && !port.name().isEmpty())
            .map(port -> new WorkloadModel.NamedPort(port.name(), port.port()))
            .toList(),
        probes(workload));
  }

  /**
   * The probes of the containers, and those of the proxy. An injector would add the latter to the
   * pod; without one nobody writes them.
   */
  private static List<WorkloadModel.HttpProbe> probes(Workload workload) {
    List<WorkloadModel.HttpProbe> probes = new ArrayList<>();
    workload
        .httpProbes()
        .forEach(probe -> probes.add(new WorkloadModel.HttpProbe(probe.port(), probe.path())));
    for (String path : PROXY_PROBES) {
      probes.add(new WorkloadModel.HttpProbe(WorkloadModel.ADMIN_PORT, path));
    }
    return probes;
  }

  private static ServerModel server(ObjectRef ref, String origin, Server server) {
    ServerSpec spec = server.spec();
    boolean externals = spec.externalWorkloadSelector() != null;
    String flaw = null;
    if (externals == (spec.podSelector() != null)) {
      flaw = "spec needs exactly one of podSelector and externalWorkloadSelector";
    }
    ServerModel.Port port;
    IntOrString written = spec.port();
    Integer number = written.getIntVal();
    if (number != null) {
      port = new ServerModel.Port.ByNumber(number);
      if (number < 1 || number > 65_535) {
        flaw = "spec.port is " + number + ": expected 1 to 65535 or the name of a port";
      }
    } else {
      String name = written.getStrVal();
      port = new ServerModel.Port.ByName(name == null ? "" : name);
      if (name == null || name.isEmpty()) {
        flaw = "spec.port is empty: expected 1 to 65535 or the name of a port";
      }
    }
    EnforcementMode mode = EnforcementMode.ENFORCE;
    try {
      mode = mode(server);
    } catch (IllegalArgumentException e) {
      flaw = String.valueOf(e.getMessage());
    }
    return new ServerModel(
        ref,
        origin,
        created(server.getMetadata()),
        labels(server.getMetadata()),
        externals ? ObjectRef.Kind.EXTERNAL_WORKLOAD : ObjectRef.Kind.POD,
        LabelSelection.of(externals ? spec.externalWorkloadSelector() : spec.podSelector()),
        port,
        spec.proxyProtocol(),
        spec.accessPolicy() == null ? AccessPolicy.DENY : spec.accessPolicy(),
        mode,
        flaw);
  }

  private static ServerAuthorizationModel serverAuthorization(
      ObjectRef ref, String origin, ServerAuthorization authorization) {
    ServerAuthorizationSpec.ServerRef server = authorization.spec().server();
    if ((server.name() == null) == (server.selector() == null)) {
      throw new IllegalArgumentException("spec.server needs exactly one of name and selector");
    }
    ServerAuthorizationSpec.Client client = authorization.spec().client();
    ServerAuthorizationSpec.MeshTls tls = client.meshTLS();
    return new ServerAuthorizationModel(
        ref,
        origin,
        server.name(),
        server.selector() == null ? null : LabelSelection.of(server.selector()),
        networks("client.networks", client.networks()),
        client.unauthenticated(),
        tls == null
            ? null
            : new ServerAuthorizationModel.MeshTls(
                tls.unauthenticatedTLS(),
                tls.identities().stream().map(IdentityMatch::parse).toList(),
                tls.serviceAccounts().stream()
                    .map(
                        account ->
                            Reference.of(
                                ObjectRef.Kind.SERVICE_ACCOUNT.group(),
                                ObjectRef.Kind.SERVICE_ACCOUNT.resourceKind(),
                                account.namespace(),
                                account.name()))
                    .toList()),
        mode(authorization));
  }

  private static RateLimitModel rateLimit(
      ObjectRef ref, String origin, HTTPLocalRateLimitPolicy limits) {
    HTTPLocalRateLimitPolicySpec spec = limits.spec();
    return new RateLimitModel(
        ref,
        origin,
        created(limits.getMetadata()),
        reference(spec.targetRef()),
        spec.total() == null ? null : spec.total().requestsPerSecond(),
        spec.identity() == null ? null : spec.identity().requestsPerSecond(),
        spec.overrides().stream()
            .map(
                override ->
                    new RateLimitModel.ClientLimit(
                        override.requestsPerSecond(),
                        override.clientRefs().stream().map(PolicyModel::reference).toList()))
            .toList());
  }

  /** The mode of an object whose schema has none; one that cannot be read is refused. */
  private static EnforcementMode mode(HasMetadata object) {
    Map<String, String> annotations = object.getMetadata().getAnnotations();
    String text = annotations == null ? null : annotations.get(EnforcementMode.ANNOTATION);
    return text == null
        ? EnforcementMode.ENFORCE
        : EnforcementMode.parse(text)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "annotation "
                            + EnforcementMode.ANNOTATION
                            + " is \""
                            + text
                            + "\": expected enforce or audit"));
  }

  private static List<NetworkMatch> networks(String field, List<Network> networks) {
    List<NetworkMatch> matches = new ArrayList<>();
    for (int i = 0; i < networks.size(); i++) {
      Network network = networks.get(i);
      String place = "spec." + field + "[" + i + "]";
      List<Cidr> except = new ArrayList<>();
      for (int j = 0; j < network.except().size(); j++) {
        except.add(cidr(place + ".except[" + j + "]", network.except().get(j)));
      }
      matches.add(new NetworkMatch(cidr(place + ".cidr", network.cidr()), except));
    }
    return matches;
  }

  private static Cidr cidr(String field, String text) {
    try {
      return Cidr.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(field + ": " + e.getMessage(), e);
    }
  }

  private static Reference reference(LocalTargetRef ref) {
    return Reference.of(ref.group(), ref.kind(), null, ref.name());
  }

  private static Reference reference(NamespacedTargetRef ref) {
    return Reference.of(ref.group(), ref.kind(), ref.namespace(), ref.name());
  }

  private static Map<String, String> labels(ObjectMeta metadata) {
    Map<String, String> labels = metadata.getLabels();
    return labels == null ? Map.of() : labels;
  }

  private static @Nullable Instant created(ObjectMeta metadata) {
    String time = metadata.getCreationTimestamp();
    if (time == null || time.isEmpty()) {
      return null;
    }
    try {
      return Instant.parse(time);
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException(
          "metadata.creationTimestamp is \""
              + time
              + "\": expected RFC 3339 ("
              + e.getMessage()
              + ")",
          e);
    }
  }
}
