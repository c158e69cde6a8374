package io.signetmesh.policy.index;

import io.signetmesh.crds.manifest.NearestName;
import io.signetmesh.policy.facts.AuthorizationPolicyFact;
import io.signetmesh.policy.facts.ClientPolicyFact;
import io.signetmesh.policy.facts.DenyPolicyFact;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.IdentityMatch;
import io.signetmesh.policy.facts.LabelSelection;
import io.signetmesh.policy.facts.MeshTlsFact;
import io.signetmesh.policy.facts.NamespaceFact;
import io.signetmesh.policy.facts.NetworkFact;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.RateLimitFact;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.ServiceAccountFact;
import io.signetmesh.policy.facts.UnusableFact;
import io.signetmesh.policy.facts.WorkloadFact;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Mends the slip of the pen that a finding is about, in one object and all else left as it is, and
 * looks what a port would be under then. The name taken is the nearest one that exists, as in the
 * findings' own hints; what has no such name is left alone.
 */
final class Mending {
  private static final String AUTHENTICATIONS = "spec.requiredAuthenticationRefs[";

  /** Names and labels compared over all suggestions of one mending; then there are no more. */
  private static final long MAX_COMPARISONS = 100_000;

  private static final Pattern ELEMENT = Pattern.compile("\\[(\\d{1,6})]");

  private final Map<ObjectRef, Fact> facts;
  private final Map<String, NamespaceContents> namespaces;
  private final PolicyConfig config;
  private long comparisons = MAX_COMPARISONS;

  Mending(
      Map<ObjectRef, Fact> facts, Map<String, NamespaceContents> namespaces, PolicyConfig config) {
    this.facts = facts;
    this.namespaces = namespaces;
    this.config = config;
  }

  /** What is meant, and the policy of the port with it; empty when nothing is near. */
  Optional<Suggestion> suggest(Finding finding, WorkloadFact workload, int port) {
    return mend(finding)
        .flatMap(
            mended ->
                policy(mended.fact, workload, port)
                    .map(policy -> new Suggestion(mended.meant, policy)));
  }

  /** An object that says what was meant. */
  private record Mended(Fact fact, String meant) {}

  /** A part of an object, as it was meant. */
  private record Meant<T>(T value, String text) {
    Mended in(Fact fact) {
      return new Mended(fact, text);
    }
  }

  private Optional<Mended> mend(Finding finding) {
    return switch (facts.get(finding.object())) {
      case null -> Optional.empty();
      case ClientPolicyFact policy -> policy(finding, policy);
      case MeshTlsFact authentication -> meshTls(finding, authentication);
      case ServerAuthorizationFact authorization -> serverAuthorization(finding, authorization);
      case RouteFact route -> route(finding, route);
      case ServerFact server -> server(finding, server);
      case NamespaceFact other -> Optional.empty();
      case NetworkFact other -> Optional.empty();
      case RateLimitFact other -> Optional.empty();
      case ServiceAccountFact other -> Optional.empty();
      case UnusableFact other -> Optional.empty();
      case WorkloadFact other -> Optional.empty();
    };
  }

  // --- AuthorizationPolicies and DenyPolicies ---

  private Optional<Mended> policy(Finding finding, ClientPolicyFact policy) {
    if (finding.field().startsWith("spec.targetRef")) {
      return target(policy)
          .map(meant -> meant.in(with(policy, meant.value, policy.authentications())));
    }
    if (!finding.field().startsWith(AUTHENTICATIONS)) {
      return Optional.empty();
    }
    List<Reference> references = new ArrayList<>(policy.authentications());
    int at = element(finding.field(), references);
    return at < 0
        ? Optional.empty()
        : reference(references.get(at), policy.ref().namespace())
            .map(
                meant -> {
                  references.set(at, meant.value);
                  return meant.in(with(policy, policy.target(), references));
                });
  }

  private static Fact with(
      ClientPolicyFact policy, Reference target, List<Reference> authentications) {
    return switch (policy) {
      case AuthorizationPolicyFact grant ->
          new AuthorizationPolicyFact(
              grant.ref(), grant.origin(), target, authentications, grant.mode());
      case DenyPolicyFact denial ->
          new DenyPolicyFact(denial.ref(), denial.origin(), target, authentications, denial.mode());
    };
  }

  private Optional<Meant<Reference>> target(ClientPolicyFact policy) {
    Reference target = policy.target();
    NamespaceContents namespace = namespaces.get(policy.ref().namespace());
    if (namespace == null) {
      return Optional.empty();
    }
    if (target.isA(ObjectRef.Kind.SERVER)) {
      return namespace.servers.containsKey(target.name())
          ? Optional.empty()
          : near(target.name(), namespace.servers.keySet()).map(name -> named(target, name));
    }
    for (ObjectRef.Kind kind : ObjectRef.Kind.values()) {
      if (kind.isRoute() && target.isA(kind)) {
        String lower = target.name().toLowerCase(Locale.ROOT);
        if (namespace.routes(kind).containsKey(lower)) {
          return Optional.empty();
        }
        Optional<ObjectRef> other = namespace.routesNamed(lower).values().stream().findFirst();
        if (other.isPresent()) {
          ObjectRef.Kind found = other.get().kind();
          return Optional.of(
              new Meant<>(
                  new Reference(
                      found.group(), found.resourceKind(), target.namespace(), target.name()),
                  found.resourceKind() + " of group " + found.group()));
        }
        Set<String> names = new HashSet<>();
        namespace.routes(kind).values().forEach(route -> names.add(route.name()));
        return near(target.name(), names).map(name -> named(target, name));
      }
    }
    return Optional.empty();
  }

  // --- Authentications ---

  private Optional<Mended> meshTls(Finding finding, MeshTlsFact authentication) {
    if (finding.field().startsWith("spec.identities[")) {
      List<IdentityMatch> identities = new ArrayList<>(authentication.identities());
      return identity(finding.field(), identities)
          .map(
              meant ->
                  meant.in(
                      new MeshTlsFact(
                          authentication.ref(),
                          authentication.origin(),
                          meant.value,
                          authentication.references())));
    }
    if (finding.field().startsWith("spec.identityRefs[")) {
      return client(finding.field(), authentication.references(), authentication.ref().namespace())
          .map(
              meant ->
                  meant.in(
                      new MeshTlsFact(
                          authentication.ref(),
                          authentication.origin(),
                          authentication.identities(),
                          meant.value)));
    }
    return Optional.empty();
  }

  /** The references with the one of the field mended. */
  private Optional<Meant<List<Reference>>> client(
      String field, List<Reference> written, String own) {
    List<Reference> references = new ArrayList<>(written);
    int at = element(field, references);
    return at < 0
        ? Optional.empty()
        : reference(references.get(at), own)
            .map(
                meant -> {
                  references.set(at, meant.value);
                  return new Meant<>(references, meant.text);
                });
  }

  private Optional<Meant<Reference>> reference(Reference reference, String own) {
    if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
      return namespaces.containsKey(reference.name())
          ? Optional.empty()
          : near(reference.name(), namespaces.keySet()).map(name -> named(reference, name));
    }
    ObjectRef ref = reference.resolve(own).orElse(null);
    if (ref == null) {
      return Optional.empty();
    }
    return switch (ref.kind()) {
      case SERVICE_ACCOUNT ->
          account(ref.name(), ref.namespace())
              .map(meant -> new Meant<>(to(reference, meant.value), meant.text));
      case MESH_TLS_AUTHENTICATION, NETWORK_AUTHENTICATION ->
          authentication(ref).map(meant -> new Meant<>(to(reference, meant.value), meant.text));
      default -> Optional.empty();
    };
  }

  private Optional<Meant<ObjectRef>> authentication(ObjectRef missing) {
    if (facts.containsKey(missing)) {
      return Optional.empty();
    }
    NamespaceContents namespace = namespaces.get(missing.namespace());
    Optional<String> name =
        near(missing.name(), namespace == null ? Set.of() : namespace.names(missing.kind()));
    if (name.isPresent()) {
      return Optional.of(
          new Meant<>(new ObjectRef(missing.kind(), missing.namespace(), name.get()), name.get()));
    }
    if (!afford(namespaces.keySet())) {
      return Optional.empty();
    }
    for (Map.Entry<String, NamespaceContents> other : namespaces.entrySet()) {
      if (other.getValue().names(missing.kind()).contains(missing.name())) {
        return Optional.of(
            new Meant<>(
                new ObjectRef(missing.kind(), other.getKey(), missing.name()), other.getKey()));
      }
    }
    return Optional.empty();
  }

  /** A service account that exists, or one of a namespace that does. */
  private Optional<Meant<ObjectRef>> account(String name, String ns) {
    NamespaceContents namespace = namespaces.get(ns);
    if (namespace == null) {
      return near(ns, namespaces.keySet())
          .map(
              near -> new Meant<>(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, near, name), near));
    }
    Set<String> known = namespace.accounts(config);
    return known.contains(name)
        ? Optional.empty()
        : near(name, known)
            .map(
                near -> new Meant<>(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, ns, near), near));
  }

  /** The identities with the one of the field mended. */
  private Optional<Meant<List<IdentityMatch>>> identity(
      String field, List<IdentityMatch> identities) {
    int at = element(field, identities);
    Optional<Meant<IdentityMatch>> meant =
        switch (at < 0 ? null : identities.get(at)) {
          case null -> Optional.empty();
          case IdentityMatch.Exact(String identity) -> {
            String[] labels = identity.split("\\.", 3);
            yield labels.length == 3 && identity.equals(config.identity(labels[0], labels[1]))
                ? account(labels[0], labels[1])
                    .map(
                        account ->
                            new Meant<>(
                                new IdentityMatch.Exact(
                                    config.identity(
                                        account.value.name(), account.value.namespace())),
                                account.text))
                : Optional.empty();
          }
          case IdentityMatch.Suffix(List<String> labels) ->
              labels.isEmpty()
                      || namespaces.containsKey(labels.getFirst())
                      || !String.join(".", labels).equals(config.identitySuffix(labels.getFirst()))
                  ? Optional.empty()
                  : near(labels.getFirst(), namespaces.keySet())
                      .map(
                          near ->
                              new Meant<>(
                                  new IdentityMatch.Suffix(
                                      List.of(config.identitySuffix(near).split("\\.", -1))),
                                  near));
        };
    return meant.map(
        one -> {
          List<IdentityMatch> all = new ArrayList<>(identities);
          all.set(at, one.value);
          return new Meant<>(all, one.text);
        });
  }

  // --- ServerAuthorizations, routes and Servers ---

  private Optional<Mended> serverAuthorization(
      Finding finding, ServerAuthorizationFact authorization) {
    NamespaceContents namespace = namespaces.get(authorization.ref().namespace());
    if (namespace == null) {
      return Optional.empty();
    }
    String field = finding.field();
    String name = authorization.serverName();
    if (field.startsWith("spec.server.name") && name != null) {
      return namespace.servers.containsKey(name)
          ? Optional.empty()
          : near(name, namespace.servers.keySet())
              .map(
                  near -> new Mended(of(authorization, near, null, authorization.meshTls()), near));
    }
    LabelSelection selector = authorization.serverSelector();
    if (field.startsWith("spec.server.selector") && selector != null) {
      return finding.rule() != Finding.Rule.SELECTS_NOTHING || !afford(namespace.servers.values())
          ? Optional.empty()
          : namespace.servers.values().stream()
              .flatMap(server -> selector.slips(server.labels()).stream())
              .findFirst()
              .map(
                  slips ->
                      new Mended(
                          of(authorization, null, slips.mended(), authorization.meshTls()),
                          slips.meant()));
    }
    ServerAuthorizationFact.MeshTls tls = authorization.meshTls();
    if (tls == null) {
      return Optional.empty();
    }
    if (field.startsWith("spec.client.meshTLS.identities[")) {
      return identity(field, tls.identities())
          .map(
              meant ->
                  meant.in(
                      of(
                          authorization,
                          name,
                          selector,
                          new ServerAuthorizationFact.MeshTls(
                              tls.unauthenticatedTls(), meant.value, tls.serviceAccounts()))));
    }
    if (field.startsWith("spec.client.meshTLS.serviceAccounts[")) {
      return client(field, tls.serviceAccounts(), authorization.ref().namespace())
          .map(
              meant ->
                  meant.in(
                      of(
                          authorization,
                          name,
                          selector,
                          new ServerAuthorizationFact.MeshTls(
                              tls.unauthenticatedTls(), tls.identities(), meant.value))));
    }
    return Optional.empty();
  }

  private static ServerAuthorizationFact of(
      ServerAuthorizationFact authorization,
      @Nullable String serverName,
      @Nullable LabelSelection selector,
      ServerAuthorizationFact.@Nullable MeshTls meshTls) {
    return new ServerAuthorizationFact(
        authorization.ref(),
        authorization.origin(),
        serverName,
        selector,
        authorization.networks(),
        authorization.unauthenticated(),
        meshTls,
        authorization.mode());
  }

  private Optional<Mended> route(Finding finding, RouteFact route) {
    NamespaceContents namespace = namespaces.get(route.ref().namespace());
    if (namespace == null
        || finding.rule() != Finding.Rule.DANGLING_REFERENCE
        || !finding.field().startsWith("spec.parentRefs")) {
      return Optional.empty();
    }
    for (String name : route.servers()) {
      if (!namespace.servers.containsKey(name) && finding.message().contains('"' + name + '"')) {
        return near(name, namespace.servers.keySet())
            .map(
                near ->
                    new Mended(
                        new RouteFact(
                            route.ref(),
                            route.origin(),
                            route.created(),
                            route.servers().stream()
                                .map(server -> server.equals(name) ? near : server)
                                .distinct()
                                .toList(),
                            route.elsewhere(),
                            route.hosts(),
                            route.rules(),
                            route.flaws()),
                        near));
      }
    }
    return Optional.empty();
  }

  private Optional<Mended> server(Finding finding, ServerFact server) {
    NamespaceContents namespace = namespaces.get(server.ref().namespace());
    if (namespace == null || finding.rule() != Finding.Rule.SELECTS_NOTHING) {
      return Optional.empty();
    }
    if (server.port() instanceof ServerFact.Port.ByName(String name)
        && finding.field().equals("spec.port")) {
      return near(name, namespace.portNames(server))
          .map(
              near ->
                  new Mended(
                      of(server, server.selector(), new ServerFact.Port.ByName(near)), near));
    }
    return finding.field().equals("spec.port") || !afford(namespace.workloads)
        ? Optional.empty()
        : namespace.workloads.stream()
            .filter(workload -> workload.ref().kind() == server.workloads())
            .flatMap(workload -> server.selector().slips(workload.labels()).stream())
            .findFirst()
            .map(slips -> new Mended(of(server, slips.mended(), server.port()), slips.meant()));
  }

  private static ServerFact of(ServerFact server, LabelSelection selector, ServerFact.Port port) {
    return new ServerFact(
        server.ref(),
        server.origin(),
        server.created(),
        server.labels(),
        server.workloads(),
        selector,
        port,
        server.protocol(),
        server.accessPolicy(),
        server.mode(),
        server.flaw());
  }

  // --- Names ---

  /** Names that are near, as long as the comparisons last. */
  private Optional<String> near(String name, Collection<String> known) {
    return afford(known) ? NearestName.of(name, known) : Optional.empty();
  }

  private boolean afford(Collection<?> compared) {
    comparisons -= compared.size() + 1;
    return comparisons >= 0;
  }

  private static Meant<Reference> named(Reference reference, String name) {
    return new Meant<>(
        new Reference(reference.group(), reference.kind(), reference.namespace(), name), name);
  }

  private static Reference to(Reference reference, ObjectRef meant) {
    return new Reference(reference.group(), reference.kind(), meant.namespace(), meant.name());
  }

  /** The element of a list that a field is or is within; -1 when there is none. */
  private static int element(String field, List<?> list) {
    Matcher matcher = ELEMENT.matcher(field);
    int at = matcher.find() ? Integer.parseInt(matcher.group(1)) : -1;
    return at < list.size() ? at : -1;
  }

  // --- The port ---

  private Optional<EffectivePolicy> policy(Fact mended, WorkloadFact workload, int port) {
    List<Fact> world = new ArrayList<>();
    for (Fact fact : facts.values()) {
      if (bears(fact, workload)) {
        world.add(fact.ref().equals(mended.ref()) ? mended : fact);
      }
    }
    PolicyIndex index = new PolicyIndex(config, InstantSource.fixed(Instant.EPOCH));
    index.apply(world, List.of());
    return index.policy(workload.ref(), port);
  }

  /** Whether the policy of a port of the workload can depend on an object. */
  private static boolean bears(Fact fact, WorkloadFact workload) {
    return switch (fact) {
      case WorkloadFact other -> other.ref().equals(workload.ref());
      case NamespaceFact namespace -> namespace.ref().name().equals(workload.ref().namespace());
      case ServiceAccountFact account -> false;
      case MeshTlsFact authentication -> true;
      case NetworkFact authentication -> true;
      case UnusableFact unusable -> true;
      default -> fact.ref().namespace().equals(workload.ref().namespace());
    };
  }
}
