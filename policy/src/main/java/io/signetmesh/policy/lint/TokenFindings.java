package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.TokenGrants;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

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
          case KEY_SET, BUNDLE, BUNDLE_FILE -> "spec.keys.jwksUri";
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

  /** Authentications of one Server that make the same header of claims. */
  void forwarded(NamespaceContents namespace) {
    record Conflict(ObjectRef first, ObjectRef second, String header) {}
    Map<Conflict, Set<ObjectRef>> conflicts = new HashMap<>();
    new RequiredByServer(seen, namespace)
        .of(ObjectRef.Kind.JWT_AUTHENTICATION)
        .forEach(
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
}
