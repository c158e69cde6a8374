package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoAuthentication;
import java.util.List;
import java.util.Set;

/**
 * What authorizations and denials may require of a request beyond Linkerd's policy. Each kind is a
 * feature of its own, and an authorization names authentications that its message explains.
 */
enum RequestCondition {
  /** Tokens: the feature "jwt". */
  TOKENS {
    @Override
    boolean isKnownBy(PolicyFeatures features) {
      return features.jwt();
    }

    @Override
    List<String> names(Authz authz) {
      return authz.getSignetTokensList();
    }

    @Override
    void dropNames(Authz.Builder authz) {
      authz.clearSignetTokens();
    }

    @Override
    boolean isExplainedIn(Server server) {
      return server.getSignetJwtAuthenticationsCount() > 0;
    }

    @Override
    void explainOnly(Set<String> names, Server.Builder server) {
      List<JwtAuthentication> kept =
          server.getSignetJwtAuthenticationsList().stream()
              .filter(one -> names.contains(one.getName()))
              .toList();
      server.clearSignetJwtAuthentications().addAllSignetJwtAuthentications(kept);
    }
  },
  /** Policy bundles: the feature "rego". */
  BUNDLES {
    @Override
    boolean isKnownBy(PolicyFeatures features) {
      return features.rego();
    }

    @Override
    List<String> names(Authz authz) {
      return authz.getSignetRegoList();
    }

    @Override
    void dropNames(Authz.Builder authz) {
      authz.clearSignetRego();
    }

    @Override
    boolean isExplainedIn(Server server) {
      return server.getSignetRegoAuthenticationsCount() > 0;
    }

    @Override
    void explainOnly(Set<String> names, Server.Builder server) {
      List<RegoAuthentication> kept =
          server.getSignetRegoAuthenticationsList().stream()
              .filter(one -> names.contains(one.getName()))
              .toList();
      server.clearSignetRegoAuthentications().addAllSignetRegoAuthentications(kept);
    }
  };

  /** Whether a proxy with these features enforces the condition. */
  abstract boolean isKnownBy(PolicyFeatures features);

  /** Names of the authentications that an authorization or denial requires. */
  abstract List<String> names(Authz authz);

  /** Leaves the condition out of an authorization or denial. */
  abstract void dropNames(Authz.Builder authz);

  /** Whether the message explains an authentication of this kind, apart from its dry run. */
  abstract boolean isExplainedIn(Server server);

  /** Leaves out authentications of this kind whose name is another one. */
  abstract void explainOnly(Set<String> names, Server.Builder server);
}
