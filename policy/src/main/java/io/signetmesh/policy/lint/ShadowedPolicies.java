package io.signetmesh.policy.lint;

import io.linkerd.proxy.inbound.Authn.PermitMeshTLS.PermitClientIdentities;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.effective.Grant;
import io.signetmesh.policy.effective.Grants;
import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds authorizations that change nothing: wherever they apply, another one allows all of their
 * clients, or a denial refuses them. Finds denials that can be evaded. Where there are many
 * policies, each is compared with some of them only, so that the time stays in proportion to the
 * number of objects. What is found is certain.
 */
final class ShadowedPolicies {
  private static final int MAX_CANDIDATES = 32;

  private final NamespaceContents namespace;
  private final Map<ObjectRef, PolicyObject> objects;
  private final Grants grants;
  private final Report report;

  /** Grants by the place where they apply: a Server, a route, or the whole namespace. */
  private final Map<Object, Place> places = new HashMap<>();

  private final Map<Object, List<Condition>> denials = new HashMap<>();

  /** The first grant of all that asks for no identity. */
  private @Nullable Condition anywhere;

  ShadowedPolicies(
      NamespaceContents namespace,
      Map<ObjectRef, PolicyObject> objects,
      Grants grants,
      Report report) {
    this.namespace = namespace;
    this.objects = objects;
    this.grants = grants;
    this.report = report;
  }

  /** Takes what is found. */
  @FunctionalInterface
  interface Report {
    void warning(
        PolicyObject object, Rule rule, String field, String message, Set<ObjectRef> affected);
  }

  /** An object and the clients that it is about. */
  private record Condition(PolicyObject object, Authz clients) {}

  /** Where a grant applies, each part of it by itself. */
  private record Scope(Set<Object> parts) {}

  private static final Object EVERYWHERE = new Target.WholeNamespace();

  void look() {
    List<Condition> all = new ArrayList<>();
    Map<Condition, Scope> scopes = new HashMap<>();
    for (AuthorizationPolicyModel policy : namespace.policies) {
      Scope scope = scope(Target.of(policy).orElse(null));
      if (scope != null && grants.of(policy, objects::get) instanceof Grant.Allows(Authz clients)) {
        Condition condition = new Condition(policy, clients);
        all.add(condition);
        scopes.put(condition, scope);
        add(condition, scope, policy.mode());
      }
    }
    for (ServerAuthorizationModel authorization : namespace.serverAuthorizations) {
      Set<Object> servers = new HashSet<>();
      for (ServerModel server : namespace.servers.values()) {
        if (authorization.selects(server)) {
          servers.add(server.ref());
        }
      }
      if (!servers.isEmpty() && grants.of(authorization) instanceof Grant.Allows(Authz clients)) {
        Condition condition = new Condition(authorization, clients);
        all.add(condition);
        scopes.put(condition, new Scope(servers));
        add(condition, new Scope(servers), authorization.mode());
      }
    }
    for (ServerModel server : namespace.servers.values()) {
      Optional<Authz> opened = grants.of(server.accessPolicy());
      // What audit lets through is on record as refused, so it takes the place of no grant.
      if (opened.isPresent()
          && server.accessPolicy() != io.signetmesh.crds.policy.AccessPolicy.AUDIT) {
        add(new Condition(server, opened.get()), new Scope(Set.of(server.ref())), server.mode());
      }
    }
    for (DenyPolicyModel policy : namespace.denials) {
      Scope scope = scope(Target.of(policy).orElse(null));
      Authz clients = grants.of(policy, objects::get).authz();
      if (scope != null && clients != null && policy.mode() == EnforcementMode.ENFORCE) {
        for (Object part : scope.parts()) {
          denials
              .computeIfAbsent(part, key -> new ArrayList<>())
              .add(new Condition(policy, clients));
        }
      }
    }
    all.forEach(condition -> look(condition, scopes.get(condition)));
    for (Place place : places.values()) {
      anywhere = first(anywhere, place.open);
    }
    TrailingSlashes slashes = new TrailingSlashes(namespace.attached);
    for (DenyPolicyModel policy : namespace.denials) {
      Scope scope = scope(Target.of(policy).orElse(null));
      Authz clients = grants.of(policy, objects::get).authz();
      if (scope != null && clients != null) {
        if (clients.getAuthentication().hasMeshTLS()) {
          evadable(policy, scope);
        }
        slashes(new Condition(policy, clients), scope, slashes);
      }
    }
  }

  /** A denial of a route that a slash at the end of the path leads past. */
  private void slashes(Condition denial, Scope scope, TrailingSlashes slashes) {
    Set<String> gaps = new TreeSet<>();
    for (Object part : scope.parts()) {
      if (part instanceof RoutePart(ObjectRef ref, ObjectRef on)
          && objects.get(ref) instanceof RouteModel route
          && objects.get(on) instanceof ServerModel server) {
        for (TrailingSlashes.Gap gap : slashes.of(route, server)) {
          if (isLetIn(denial, new RoutePart(gap.taker().ref(), on), gap.taker())) {
            gaps.add(
                "%s matches \"%s\" exactly, and \"%s/\" goes to %s, where clients that it refuses are"
                    .formatted(ref, gap.path(), gap.path(), gap.taker().ref()));
          }
        }
      }
    }
    if (!gaps.isEmpty()) {
      report.warning(
          denial.object(),
          Rule.EVADABLE,
          "spec.targetRef",
          "its route "
              + gaps.iterator().next()
              + " let in"
              + (gaps.size() == 1 ? "" : " (and " + (gaps.size() - 1) + " more)")
              + ": match the PathPrefix, or deny that too",
          affected(denial.object(), scope));
    }
  }

  /** Whether it is certain that someone whom the denial is about is allowed on a route. */
  private boolean isLetIn(Condition denial, RoutePart part, RouteModel route) {
    List<Object> around = List.of(part, part.server(), EVERYWHERE);
    for (Object place : around) {
      for (Condition other : denials.getOrDefault(place, List.of())) {
        if (other.object() != denial.object()
            && Coverage.covers(other.clients(), denial.clients())) {
          return false;
        }
      }
    }
    for (Object place : around) {
      Place there = places.get(place);
      if (there != null
          && (place != part || route.isGranted())
          && there.some().stream()
              .anyMatch(
                  grant ->
                      Coverage.covers(grant.clients(), denial.clients())
                          || Coverage.covers(denial.clients(), grant.clients()))) {
        return true;
      }
    }
    return false;
  }

  /** A denial of identities where clients get in without one. */
  private void evadable(DenyPolicyModel policy, Scope scope) {
    Condition open = null;
    for (Object part : scope.parts()) {
      // What is refused in the whole namespace is let in wherever it is let in at all.
      open = part.equals(EVERYWHERE) ? anywhere : first(open, openAt(part));
      if (part instanceof RoutePart(ObjectRef route, ObjectRef server)) {
        open = first(open, openAt(server));
      }
    }
    open = first(open, openAt(EVERYWHERE));
    if (open != null) {
      report.warning(
          policy,
          Rule.EVADABLE,
          "spec.requiredAuthenticationRefs",
          "refuses identities, but "
              + names(Set.of(open.object()))
              + " lets clients in without one: whoever is refused gets in without TLS",
          affected(policy, scope));
    }
  }

  private @Nullable Condition openAt(Object part) {
    Place place = places.get(part);
    return place == null ? null : place.open;
  }

  private static @Nullable Condition first(@Nullable Condition one, @Nullable Condition other) {
    if (one == null || other == null) {
      return one == null ? other : one;
    }
    return one.object().ref().compareTo(other.object().ref()) <= 0 ? one : other;
  }

  private void look(Condition condition, @Nullable Scope scope) {
    if (scope == null) {
      return;
    }
    Set<PolicyObject> denying = new HashSet<>();
    Set<PolicyObject> granting = new HashSet<>();
    boolean denied = true;
    boolean granted = true;
    for (Object part : scope.parts()) {
      Condition denial = first(condition, part, true);
      Condition grant = first(condition, part, false);
      denied &= denial != null;
      granted &= grant != null;
      if (denial != null) {
        denying.add(denial.object());
      }
      if (grant != null) {
        granting.add(grant.object());
      }
    }
    Set<ObjectRef> affected = affected(condition.object(), scope);
    if (denied) {
      report.warning(
          condition.object(),
          Rule.SHADOWED,
          "",
          "everyone it allows is refused by " + names(denying) + "; it grants nothing",
          affected);
    } else if (granted) {
      report.warning(
          condition.object(),
          Rule.SHADOWED,
          "",
          "everyone it allows is allowed by " + names(granting) + " as well; it changes nothing",
          affected);
    }
  }

  private static String names(Set<PolicyObject> objects) {
    List<String> names = new ArrayList<>();
    for (PolicyObject object : objects) {
      names.add(
          object instanceof ServerModel server
              ? "accessPolicy " + server.accessPolicy().wireName() + " of " + server.ref()
              : object.ref().toString());
    }
    names.sort(null);
    return String.join(" and ", names);
  }

  /** Whoever covers the condition at a place; what holds around the place holds there. */
  private @Nullable Condition first(Condition condition, Object part, boolean denial) {
    Condition found = at(condition, part, denial);
    if (found == null && !part.equals(EVERYWHERE)) {
      found = at(condition, EVERYWHERE, denial);
    }
    if (found == null && part instanceof RoutePart(ObjectRef route, ObjectRef server)) {
      found = at(condition, server, denial);
    }
    return found;
  }

  private @Nullable Condition at(Condition condition, Object part, boolean denial) {
    List<Condition> candidates;
    if (denial) {
      candidates = denials.getOrDefault(part, List.of());
    } else {
      Place place = places.get(part);
      candidates = place == null ? List.of() : place.candidates(condition.clients());
    }
    int looked = 0;
    for (Condition other : candidates) {
      if (++looked > MAX_CANDIDATES) {
        break;
      }
      if (other.object() != condition.object()
          && Coverage.covers(other.clients(), condition.clients())
          && (denial || !isMutual(condition, other))) {
        return other;
      }
    }
    return null;
  }

  /** Of two that allow the same, the first by name stays. */
  private static boolean isMutual(Condition condition, Condition other) {
    return !(other.object() instanceof ServerModel)
        && Coverage.covers(condition.clients(), other.clients())
        && condition.object().ref().compareTo(other.object().ref()) < 0;
  }

  /** A route as one Server uses it. */
  private record RoutePart(ObjectRef route, ObjectRef server) {}

  private @Nullable Scope scope(@Nullable Target target) {
    return switch (target) {
      case null -> null;
      case Target.WholeNamespace whole -> new Scope(Set.of(EVERYWHERE));
      case Target.OneServer(String name) -> {
        ServerModel server = namespace.servers.get(name);
        yield server == null ? null : new Scope(Set.of(server.ref()));
      }
      case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
        ObjectRef ref = namespace.routes(kind).get(lower);
        if (ref == null || !(objects.get(ref) instanceof RouteModel route)) {
          yield null;
        }
        Set<Object> parts = new HashSet<>();
        for (String name : route.servers()) {
          ServerModel server = namespace.servers.get(name);
          if (server != null && route.isUsedBy(server.protocol())) {
            parts.add(new RoutePart(ref, server.ref()));
          }
        }
        yield parts.isEmpty() ? null : new Scope(parts);
      }
    };
  }

  private static Set<ObjectRef> affected(PolicyObject object, Scope scope) {
    Set<ObjectRef> affected = new HashSet<>();
    for (Object part : scope.parts()) {
      switch (part) {
        case RoutePart(ObjectRef route, ObjectRef server) -> affected.add(server);
        case ObjectRef server -> affected.add(server);
        default -> affected.add(ObjectRef.namespace(object.ref().namespace()));
      }
    }
    return affected;
  }

  private void add(Condition condition, Scope scope, EnforcementMode mode) {
    if (mode == EnforcementMode.ENFORCE) {
      scope
          .parts()
          .forEach(part -> places.computeIfAbsent(part, key -> new Place()).add(condition));
    }
  }

  /** The grants of one place, by what could cover another. */
  private static final class Place {
    /** One that asks for no identity. */
    @Nullable Condition open;

    private final List<Condition> some = new ArrayList<>();
    private final List<Condition> wide = new ArrayList<>();
    private final Map<String, List<Condition>> byIdentity = new HashMap<>();

    /** The first of them. */
    List<Condition> some() {
      return some;
    }

    void add(Condition condition) {
      if (some.size() < MAX_CANDIDATES) {
        some.add(condition);
      }
      Authz clients = condition.clients();
      PermitClientIdentities identities = clients.getAuthentication().getMeshTLS().getIdentities();
      if (identities.getIdentitiesCount() == 0 || identities.getSuffixesCount() > 0) {
        wide.add(condition);
      }
      if (open == null
          && clients.getSignetTokensCount() == 0
          && clients.getSignetRegoCount() == 0
          && !clients.getAuthentication().getMeshTLS().hasIdentities()) {
        open = condition;
      }
      for (Identity identity : identities.getIdentitiesList()) {
        byIdentity.computeIfAbsent(identity.getName(), key -> new ArrayList<>()).add(condition);
      }
    }

    List<Condition> candidates(Authz clients) {
      PermitClientIdentities identities = clients.getAuthentication().getMeshTLS().getIdentities();
      List<Condition> alike =
          identities.getIdentitiesCount() == 0
              ? List.of()
              : byIdentity.getOrDefault(identities.getIdentities(0).getName(), List.of());
      if (alike.isEmpty()) {
        return wide;
      }
      List<Condition> both =
          new ArrayList<>(alike.subList(0, Math.min(alike.size(), MAX_CANDIDATES / 2)));
      both.addAll(wide.subList(0, Math.min(wide.size(), MAX_CANDIDATES / 2)));
      return both;
    }
  }
}
