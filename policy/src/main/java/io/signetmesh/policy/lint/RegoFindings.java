package io.signetmesh.policy.lint;

import io.signetmesh.policy.effective.RegoGrants;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import java.util.Objects;
import java.util.Set;

/** Rules for RegoAuthentications, their bundles, and the policies that require them. */
final class RegoFindings {
  private final LintContext seen;

  RegoFindings(LintContext seen) {
    this.seen = seen;
  }

  void authentication(RegoModel.Authentication authentication) {
    Set<ObjectRef> affected = seen.affectedBy(authentication.ref());
    if (!seen.isRequired(authentication.ref())) {
      seen.warning(
          authentication,
          Rule.AUTHENTICATION_UNUSED,
          "",
          "no AuthorizationPolicy and no DenyPolicy requires it",
          affected);
    }
    switch (authentication.bundle()) {
      case BundleSource.Held held -> held(authentication, held, affected);
      case BundleSource.Fetched fetched -> fetched(authentication, fetched, affected);
    }
  }

  private void held(
      RegoModel.Authentication authentication, BundleSource.Held held, Set<ObjectRef> affected) {
    String field = "spec.bundle.configMapRef";
    ObjectRef ref = Objects.requireNonNull(authentication.holder());
    if (!(seen.objects.get(ref) instanceof JwtModel.Holder holder)) {
      seen.error(
          authentication,
          Rule.DANGLING_REFERENCE,
          field + ".name",
          "has its bundle in " + ref + ", which is not there; no request passes",
          affected);
      return;
    }
    if (!holder.entries().containsKey(held.entry())) {
      seen.error(
          authentication,
          Rule.DANGLING_REFERENCE,
          field + ".key",
          "has its bundle in the entry \""
              + held.entry()
              + "\" of "
              + ref
              + ", which has none of that name"
              + seen.didYouMean(held.entry(), holder.entries().keySet())
              + "; no request passes",
          affected);
      return;
    }
    KnownBundle bundle = RegoGrants.bundle(authentication, seen.objects::get);
    if (!bundle.isThere()) {
      unavailable(authentication, field, bundle.unavailable(), affected);
    }
  }

  private void fetched(
      RegoModel.Authentication authentication,
      BundleSource.Fetched fetched,
      Set<ObjectRef> affected) {
    String field =
        switch (fetched.location().kind()) {
          case BUNDLE_FILE -> "spec.bundle.file";
          case BUNDLE, KEY_SET, DISCOVERY -> "spec.bundle.url";
        };
    KnownBundle bundle = RegoGrants.bundle(authentication, seen.objects::get);
    String failure =
        seen.objects.get(authentication.fetched()) instanceof RegoModel.FetchedBundle last
                && last.location().equals(fetched.location())
            ? last.failure()
            : null;
    // A bundle that nobody has tried to fetch yet, as offline, is no mistake.
    if (failure == null) {
      return;
    }
    if (bundle.isThere()) {
      seen.warning(authentication, Rule.BUNDLE_STALE, field, failure, affected);
    } else {
      unavailable(
          authentication,
          field,
          "bundle of " + fetched.location() + ": " + bundle.unavailable(),
          affected);
    }
  }

  private void unavailable(
      RegoModel.Authentication authentication, String field, String why, Set<ObjectRef> affected) {
    seen.error(
        authentication, Rule.BUNDLE_UNAVAILABLE, field, why + "; no request passes", affected);
  }

  /** Servers whose bundles are more, or larger, than those of a message may be. */
  void sizes(NamespaceContents namespace) {
    new RequiredByServer(seen, namespace)
        .of(ObjectRef.Kind.REGO_AUTHENTICATION)
        .forEach(
            (server, authentications) -> {
              long bytes = 0;
              int bundles = 0;
              for (ObjectRef ref : authentications) {
                if (seen.objects.get(ref) instanceof RegoModel.Authentication authentication) {
                  int size = RegoGrants.bundle(authentication, seen.objects::get).size();
                  bytes += size;
                  bundles += size > 0 ? 1 : 0;
                }
              }
              if (bytes > RegoGrants.MAX_BYTES || bundles > RegoGrants.MAX_MESSAGE_BUNDLES) {
                seen.error(
                    Objects.requireNonNull(seen.objects.get(server)),
                    Rule.BUNDLES_TOO_LARGE,
                    "",
                    "its policies require "
                        + authentications.size()
                        + " RegoAuthentications with bundles of "
                        + bytes
                        + " bytes together: expected at most "
                        + RegoGrants.MAX_BYTES
                        + " and "
                        + RegoGrants.MAX_MESSAGE_BUNDLES
                        + " bundles; of those beyond, by name, no request passes",
                    Set.of(server));
              }
            });
  }
}
