package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.Target;
import io.signetmesh.policy.effective.TokenGrants;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Rules for JWTAuthentications, their keys, and the policies that require them. */
final class TokenFindings {
  private final LintContext seen;

  TokenFindings(LintContext seen) {
    this.seen = seen;
  }

  void authentication(JwtModel.Authentication authentication) {
    Set<ObjectRef> affected = seen.affectedBy(authentication.ref());
    if (!seen.isRequired(authentication.ref())) {
      seen.warning(
          authentication,
          Rule.AUTHENTICATION_UNUSED,
          "",
          "no AuthorizationPolicy and no DenyPolicy requires it",
          affected);
    }
    switch (authentication.keys()) {
      case KeySource.Inline(KnownKeys keys) ->
          keys(authentication, "spec.keys.jwks", "spec.keys.jwks: ", keys, affected);
      case KeySource.Held held -> held(authentication, held, affected);
      case KeySource.Fetched fetched -> fetched(authentication, fetched, affected);
    }
  }

  private void held(
      JwtModel.Authentication authentication, KeySource.Held held, Set<ObjectRef> affected) {
    String field = held.secret() ? "spec.keys.secretRef" : "spec.keys.configMapRef";
    ObjectRef ref = authentication.holder();
    if (ref == null) {
      return;
    }
    if (!(seen.objects.get(ref) instanceof JwtModel.Holder holder)) {
      seen.error(
          authentication,
          Rule.DANGLING_REFERENCE,
          field + ".name",
          "has its keys in " + ref + ", which is not there; no token passes",
          affected);
      return;
    }
    KnownKeys keys = holder.entries().get(held.entry());
    if (keys == null) {
      seen.error(
          authentication,
          Rule.DANGLING_REFERENCE,
          field + ".key",
          "has its keys in the entry \""
              + held.entry()
              + "\" of "
              + ref
              + ", which has none of that name"
              + seen.didYouMean(held.entry(), holder.entries().keySet())
              + "; no token passes",
          affected);
      return;
    }
    keys(authentication, field, "entry \"" + held.entry() + "\" of " + ref + ": ", keys, affected);
  }

  private void fetched(
      JwtModel.Authentication authentication, KeySource.Fetched fetched, Set<ObjectRef> affected) {
    String field =
        switch (fetched.location().kind()) {
          case KEY_SET -> "spec.keys.jwksUri";
          case DISCOVERY -> "spec.keys.discovery";
        };
    KnownKeys keys = TokenGrants.keys(authentication, seen.objects::get);
    String failure =
        seen.objects.get(authentication.keySet()) instanceof JwtModel.FetchedKeys last
                && last.location().equals(fetched.location())
            ? last.failure()
            : null;
    // Keys that nobody has tried to fetch yet, as offline, are no mistake.
    if (keys.areThere() || failure != null) {
      keys(authentication, field, "keys of " + fetched.location() + ": ", keys, affected);
    }
    if (keys.areThere() && failure != null) {
      seen.warning(authentication, Rule.KEY_SET_STALE, field, failure, affected);
    }
  }

  private void keys(
      JwtModel.Authentication authentication,
      String field,
      String where,
      KnownKeys keys,
      Set<ObjectRef> affected) {
    for (String problem : keys.problems()) {
      seen.warning(
          authentication,
          Rule.BAD_KEY,
          field,
          where + problem + "; tokens signed with it do not pass",
          affected);
    }
    if (!keys.areThere()) {
      seen.error(
          authentication,
          Rule.KEY_SET_UNAVAILABLE,
          field,
          where + keys.unavailable() + "; no token passes",
          affected);
    }
  }

  /** A policy that requires a token where the proxy sees no request. */
  void policy(ClientPolicyModel policy, Reference reference, String field) {
    if (!policy.target().isA(ObjectRef.Kind.SERVER)
        || !seen.contents(policy).isOpaque(policy.target().name())) {
      return;
    }
    String message =
        "requires "
            + reference
            + ", but the Server "
            + policy.target().name()
            + " is opaque or TLS, where no request and so no token is seen; ";
    Set<ObjectRef> affected =
        Set.of(LintContext.server(policy.ref().namespace(), policy.target().name()));
    switch (policy) {
      case AuthorizationPolicyModel grant ->
          seen.error(
              grant, Rule.JWT_ON_OPAQUE_PORT, field, message + "it grants nothing", affected);
      case DenyPolicyModel denial ->
          seen.warning(
              denial,
              Rule.JWT_ON_OPAQUE_PORT,
              field,
              message + "that counts as passed, so it refuses more than is written",
              affected);
    }
  }

  /** Authentications of one Server that make the same header of claims. */
  void forwarded(NamespaceContents namespace) {
    if (namespace.policies.isEmpty() && namespace.denials.isEmpty()) {
      return;
    }
    Map<ObjectRef, Set<ObjectRef>> byServer = new TreeMap<>();
    namespace.policies.forEach(policy -> note(namespace, policy, byServer));
    namespace.denials.forEach(policy -> note(namespace, policy, byServer));
    record Conflict(ObjectRef first, ObjectRef second, String header) {}
    Map<Conflict, Set<ObjectRef>> conflicts = new HashMap<>();
    byServer.forEach(
        (server, authentications) -> {
          Map<String, ObjectRef> taken = new HashMap<>();
          for (ObjectRef ref : authentications) {
            if (seen.objects.get(ref) instanceof JwtModel.Authentication authentication) {
              for (String header : authentication.forwardedHeaders()) {
                ObjectRef first = taken.putIfAbsent(header, ref);
                if (first != null) {
                  conflicts
                      .computeIfAbsent(new Conflict(first, ref, header), key -> new HashSet<>())
                      .add(server);
                }
              }
            }
          }
        });
    conflicts.forEach(
        (conflict, servers) ->
            seen.warning(
                Objects.requireNonNull(seen.objects.get(conflict.second())),
                Rule.FORWARD_CONFLICT,
                "spec.forward",
                "makes the header "
                    + conflict.header()
                    + ", and so does "
                    + conflict.first()
                    + " on "
                    + servers.stream().min(ObjectRef::compareTo).orElseThrow()
                    + (servers.size() == 1 ? "" : " (and " + (servers.size() - 1) + " more)")
                    + ": the application cannot tell whose claim it gets",
                servers));
  }

  private void note(
      NamespaceContents namespace,
      ClientPolicyModel policy,
      Map<ObjectRef, Set<ObjectRef>> byServer) {
    Set<ObjectRef> tokens = new TreeSet<>();
    for (Reference reference : policy.authentications()) {
      if (reference.isA(ObjectRef.Kind.JWT_AUTHENTICATION)) {
        reference.resolve(policy.ref().namespace()).ifPresent(tokens::add);
      }
    }
    if (tokens.isEmpty()) {
      return;
    }
    for (ObjectRef server : servers(namespace, policy)) {
      byServer.computeIfAbsent(server, key -> new TreeSet<>()).addAll(tokens);
    }
  }

  private List<ObjectRef> servers(NamespaceContents namespace, ClientPolicyModel policy) {
    return switch (Target.of(policy).orElse(null)) {
      case null -> List.of();
      case Target.OneServer(String name) -> named(namespace, List.of(name));
      case Target.WholeNamespace whole ->
          namespace.servers.values().stream().map(ServerModel::ref).toList();
      case Target.OneRoute(ObjectRef.Kind kind, String lower) -> {
        ObjectRef route = namespace.routes(kind).get(lower);
        yield route != null && seen.objects.get(route) instanceof RouteModel found
            ? named(namespace, found.servers())
            : List.of();
      }
    };
  }

  private static List<ObjectRef> named(NamespaceContents namespace, List<String> names) {
    List<ObjectRef> servers = new ArrayList<>();
    for (String name : names) {
      ServerModel server = namespace.servers.get(name);
      if (server != null) {
        servers.add(server.ref());
      }
    }
    return servers;
  }
}
