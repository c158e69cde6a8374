package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.UnusableModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Works out what authorization objects grant. Whatever is not fully understood grants nothing. */
public final class Grants {
  private static final String REFERENCES = "spec.requiredAuthenticationRefs";

  private final PolicyConfig config;
  private final List<NetworkMatch> clusterNetworks;
  private final Authn anyIdentity;

  public Grants(PolicyConfig config) {
    this.config = config;
    this.clusterNetworks = config.clusterNetworks().stream().map(NetworkMatch::of).toList();
    this.anyIdentity = AuthzMessages.identities(List.of(IdentityMatch.ANY));
  }

  private static boolean isNoIdentity(IdentityMatch match) {
    return match instanceof IdentityMatch.Exact(String identity)
        && (identity.isEmpty() || identity.indexOf('*') >= 0);
  }

  /** The authorization of a default policy; none for {@code deny}. */
  public Optional<Authz> of(AccessPolicy policy) {
    return switch (policy) {
      case ALL_UNAUTHENTICATED, AUDIT ->
          Optional.of(
              AuthzMessages.synthetic(
                  policy.wireName(), AuthzMessages.EVERYWHERE, AuthzMessages.UNAUTHENTICATED));
      case ALL_AUTHENTICATED ->
          Optional.of(
              AuthzMessages.synthetic(policy.wireName(), AuthzMessages.EVERYWHERE, anyIdentity));
      case CLUSTER_UNAUTHENTICATED ->
          Optional.of(
              AuthzMessages.synthetic(
                  policy.wireName(), clusterNetworks, AuthzMessages.UNAUTHENTICATED));
      case CLUSTER_AUTHENTICATED ->
          Optional.of(AuthzMessages.synthetic(policy.wireName(), clusterNetworks, anyIdentity));
      case DENY -> Optional.empty();
    };
  }

  /** The authorization of probes; empty when there are no probe networks. */
  public Optional<Authz> probe() {
    if (config.probeNetworks().isEmpty()) {
      return Optional.empty();
    }
    List<NetworkMatch> networks = config.probeNetworks().stream().map(NetworkMatch::of).toList();
    return Optional.of(AuthzMessages.synthetic("probe", networks, AuthzMessages.UNAUTHENTICATED));
  }

  /**
   * The grant of an AuthorizationPolicy. Its target is not checked.
   *
   * @param lookup finds an object by reference
   */
  public Grant of(
      AuthorizationPolicyModel policy, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    List<Grant.Reason> reasons = new ArrayList<>();
    List<IdentityMatch> identities = null;
    List<NetworkMatch> networks = null;
    int identityReferences = 0;
    int networkReferences = 0;
    AuthzMessages.Conditions conditions = new AuthzMessages.Conditions();
    for (int i = 0; i < policy.authentications().size(); i++) {
      Reference reference = policy.authentications().get(i);
      String field = REFERENCES + "[" + i + "]";
      ObjectRef ref = reference.resolve(policy.ref().namespace()).orElse(null);
      if (ref == null) {
        reasons.add(unknownAuthentication(field, reference));
        continue;
      }
      switch (ref.kind()) {
        case SERVICE_ACCOUNT -> {
          identityReferences++;
          identities =
              List.of(new IdentityMatch.Exact(config.identity(ref.name(), ref.namespace())));
        }
        case MESH_TLS_AUTHENTICATION -> {
          identityReferences++;
          if (lookup.apply(ref) instanceof MeshTlsModel found) {
            identities = resolve(field, found, reasons);
          } else {
            reasons.add(missing(field, reference, ref, lookup.apply(ref)));
          }
        }
        case NETWORK_AUTHENTICATION -> {
          networkReferences++;
          if (lookup.apply(ref) instanceof NetworkModel found) {
            networks = found.networks();
          } else {
            reasons.add(missing(field, reference, ref, lookup.apply(ref)));
          }
        }
        case JWT_AUTHENTICATION, REGO_AUTHENTICATION ->
            condition(field, reference, policy.ref(), lookup, conditions, reasons);
        default -> reasons.add(unknownAuthentication(field, reference));
      }
    }
    if (identityReferences > 1) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.BAD_AUTHENTICATIONS,
              REFERENCES,
              "requiredAuthenticationRefs name "
                  + identityReferences
                  + " MeshTLSAuthentications or ServiceAccounts: expected at most one"));
    }
    if (networkReferences > 1) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.BAD_AUTHENTICATIONS,
              REFERENCES,
              "requiredAuthenticationRefs name "
                  + networkReferences
                  + " NetworkAuthentications: expected at most one"));
    }
    conditions.bound(REFERENCES, reasons);
    if (identities != null && identities.isEmpty()) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.NEVER_MATCHES,
              REFERENCES,
              "its MeshTLSAuthentication has no identity"));
    }
    if (networks != null && networks.stream().allMatch(NetworkMatch::isVoid)) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.NEVER_MATCHES,
              REFERENCES,
              "its NetworkAuthentication leaves no address after its exceptions"));
    }
    if (!reasons.isEmpty()) {
      return new Grant.Nothing(reasons);
    }
    return new Grant.Allows(
        AuthzMessages.resource(
            policy.ref(),
            "authorizationpolicy",
            networks == null ? AuthzMessages.EVERYWHERE : networks,
            identities == null
                ? AuthzMessages.UNAUTHENTICATED
                : AuthzMessages.identities(identities),
            conditions));
  }

  /**
   * The denial of a DenyPolicy. Its target is not checked. An authentication that is missing or not
   * understood counts as passed: the denial then refuses more than is written, never less.
   *
   * @param lookup finds an object by reference
   */
  public Denial of(DenyPolicyModel policy, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    List<Grant.Reason> reasons = new ArrayList<>();
    List<List<IdentityMatch>> identities = new ArrayList<>();
    List<List<NetworkMatch>> networks = new ArrayList<>();
    AuthzMessages.Conditions conditions = new AuthzMessages.Conditions();
    for (int i = 0; i < policy.authentications().size(); i++) {
      Reference reference = policy.authentications().get(i);
      String field = REFERENCES + "[" + i + "]";
      ObjectRef ref = reference.resolve(policy.ref().namespace()).orElse(null);
      if (ref == null) {
        reasons.add(unknownAuthentication(field, reference));
        continue;
      }
      switch (ref.kind()) {
        case SERVICE_ACCOUNT ->
            identities.add(
                List.of(new IdentityMatch.Exact(config.identity(ref.name(), ref.namespace()))));
        case MESH_TLS_AUTHENTICATION -> {
          if (lookup.apply(ref) instanceof MeshTlsModel found) {
            int before = reasons.size();
            List<IdentityMatch> resolved = resolve(field, found, reasons);
            if (resolved.stream().anyMatch(Grants::isNoIdentity)) {
              reasons.add(
                  new Grant.Reason(
                      Grant.Problem.NOT_UNDERSTOOD,
                      field,
                      "requires " + ref + ", which has an identity that is none"));
            }
            if (reasons.size() == before && !resolved.isEmpty()) {
              identities.add(resolved);
            }
          } else {
            reasons.add(missing(field, reference, ref, lookup.apply(ref)));
          }
        }
        case NETWORK_AUTHENTICATION -> {
          if (lookup.apply(ref) instanceof NetworkModel found) {
            networks.add(found.networks());
          } else {
            reasons.add(missing(field, reference, ref, lookup.apply(ref)));
          }
        }
        case JWT_AUTHENTICATION, REGO_AUTHENTICATION ->
            condition(field, reference, policy.ref(), lookup, conditions, reasons);
        default -> reasons.add(unknownAuthentication(field, reference));
      }
    }
    if (identities.size() > 1 || networks.size() > 1) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.BAD_AUTHENTICATIONS,
              REFERENCES,
              "requiredAuthenticationRefs name more than one authentication of identities or of"
                  + " networks: expected at most one of each"));
    }
    conditions.bound(REFERENCES, reasons);
    List<NetworkMatch> clients =
        networks.size() == 1 ? networks.getFirst() : AuthzMessages.EVERYWHERE;
    if (clients.stream().allMatch(NetworkMatch::isVoid)) {
      reasons.add(
          new Grant.Reason(
              Grant.Problem.NEVER_MATCHES,
              REFERENCES,
              "its NetworkAuthentication leaves no address after its exceptions"));
      return new Denial(null, reasons);
    }
    return new Denial(
        AuthzMessages.resource(
            policy.ref(),
            "denypolicy",
            clients,
            identities.size() == 1
                ? AuthzMessages.identities(withDnsNames(identities.getFirst()))
                : AuthzMessages.UNAUTHENTICATED,
            conditions),
        reasons);
  }

  /**
   * Adds the DNS names of the workloads whose SPIFFE ids are denied. Certificates list the DNS name
   * first, and a workload is refused by either name.
   */
  private List<IdentityMatch> withDnsNames(List<IdentityMatch> denied) {
    String own = "spiffe://" + config.trustDomain() + "/";
    List<IdentityMatch> all = new ArrayList<>(denied);
    for (IdentityMatch match : denied) {
      if (match instanceof IdentityMatch.Exact(String identity) && identity.startsWith(own)) {
        try {
          all.add(
              new IdentityMatch.Exact(
                  WorkloadIdentity.parseSpiffeId(identity, config.controlPlaneNamespace())
                      .dnsName()));
        } catch (IllegalArgumentException e) {
          // No service account is meant: there is no other name for it.
        }
      }
    }
    return all;
  }

  /**
   * A rate limit as sent to proxies. Overrides for clients that are not service accounts are left
   * out: those clients have the general limit.
   */
  public HttpLocalRateLimit of(RateLimitModel limits) {
    HttpLocalRateLimit.Builder message =
        HttpLocalRateLimit.newBuilder()
            .setMetadata(
                Metadata.newBuilder()
                    .setResource(
                        Resource.newBuilder()
                            .setGroup(limits.ref().kind().group())
                            .setKind(limits.ref().kind().resourceKind())
                            .setName(limits.ref().name())
                            .setNamespace(limits.ref().namespace())));
    if (limits.total() != null) {
      message.setTotal(limit(limits.total()));
    }
    if (limits.identity() != null) {
      message.setIdentity(limit(limits.identity()));
    }
    for (RateLimitModel.ClientLimit override : limits.overrides()) {
      SortedSet<String> names = new TreeSet<>();
      for (Reference client : override.clients()) {
        client
            .resolve(limits.ref().namespace())
            .filter(ref -> ref.kind() == ObjectRef.Kind.SERVICE_ACCOUNT)
            .ifPresent(ref -> names.add(config.identity(ref.name(), ref.namespace())));
      }
      if (!names.isEmpty()) {
        HttpLocalRateLimit.Override.ClientIdentities.Builder clients =
            HttpLocalRateLimit.Override.ClientIdentities.newBuilder();
        names.forEach(name -> clients.addIdentities(Identity.newBuilder().setName(name)));
        message.addOverrides(
            HttpLocalRateLimit.Override.newBuilder()
                .setLimit(limit(override.rate()))
                .setClients(clients));
      }
    }
    return message.build();
  }

  private static HttpLocalRateLimit.Limit limit(long rate) {
    // 32 bits unsigned on the wire.
    return HttpLocalRateLimit.Limit.newBuilder().setRequestsPerSecond((int) rate).build();
  }

  /**
   * What a DenyPolicy denies.
   *
   * @param authz clients refused; null when no client is
   * @param reasons why that is not what is written
   */
  public record Denial(@Nullable Authz authz, List<Grant.Reason> reasons) {
    /** Copies the list. */
    public Denial {
      reasons = List.copyOf(reasons);
    }
  }

  /** The grant of a ServerAuthorization. Which Servers it selects is not checked. */
  public Grant of(ServerAuthorizationModel authorization) {
    ServerAuthorizationModel.MeshTls tls = authorization.meshTls();
    Authn authentication;
    if (authorization.unauthenticated()) {
      if (tls != null) {
        return Grant.Nothing.because(
            Grant.Problem.BAD_AUTHENTICATIONS,
            "spec.client",
            "spec.client has unauthenticated: true together with meshTLS: expected one of them");
      }
      authentication = AuthzMessages.UNAUTHENTICATED;
    } else if (tls == null) {
      return Grant.Nothing.because(
          Grant.Problem.BAD_AUTHENTICATIONS,
          "spec.client",
          "spec.client says nothing about authentication: expected unauthenticated or meshTLS");
    } else if (tls.unauthenticatedTls()) {
      if (!tls.identities().isEmpty() || !tls.serviceAccounts().isEmpty()) {
        return Grant.Nothing.because(
            Grant.Problem.BAD_AUTHENTICATIONS,
            "spec.client.meshTLS",
            "spec.client.meshTLS has unauthenticatedTLS: true together with identities: expected"
                + " one of them");
      }
      authentication = AuthzMessages.ANY_TLS;
    } else {
      List<IdentityMatch> identities = new ArrayList<>(tls.identities());
      for (Reference account : tls.serviceAccounts()) {
        String namespace = account.namespace();
        identities.add(
            new IdentityMatch.Exact(
                config.identity(
                    account.name(),
                    namespace == null ? authorization.ref().namespace() : namespace)));
      }
      if (identities.isEmpty()) {
        return Grant.Nothing.because(
            Grant.Problem.NEVER_MATCHES,
            "spec.client.meshTLS",
            "spec.client.meshTLS has no identity");
      }
      authentication = AuthzMessages.identities(identities);
    }
    List<NetworkMatch> networks =
        authorization.networks().isEmpty() ? clusterNetworks : authorization.networks();
    if (networks.stream().allMatch(NetworkMatch::isVoid)) {
      return Grant.Nothing.because(
          Grant.Problem.NEVER_MATCHES,
          "spec.client.networks",
          "spec.client.networks leave no address after exceptions");
    }
    return new Grant.Allows(
        AuthzMessages.resource(
            authorization.ref(),
            "serverauthorization",
            networks,
            authentication,
            new AuthzMessages.Conditions()));
  }

  private List<IdentityMatch> resolve(
      String field, MeshTlsModel authentication, List<Grant.Reason> reasons) {
    List<IdentityMatch> matches = new ArrayList<>(authentication.identities());
    for (Reference reference : authentication.references()) {
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        String namespace = reference.namespace();
        matches.add(
            new IdentityMatch.Exact(
                config.identity(
                    reference.name(),
                    namespace == null ? authentication.ref().namespace() : namespace)));
      } else if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
        matches.add(
            new IdentityMatch.Suffix(
                List.of(config.identitySuffix(reference.name()).split("\\.", -1))));
      } else {
        reasons.add(
            new Grant.Reason(
                Grant.Problem.NOT_UNDERSTOOD,
                field,
                authentication.ref()
                    + " refers to "
                    + reference
                    + ": expected a ServiceAccount or a Namespace"));
      }
    }
    return matches;
  }

  private static Grant.Reason missing(
      String field, Reference reference, ObjectRef ref, @Nullable PolicyObject instead) {
    return instead instanceof UnusableModel unusable
        ? new Grant.Reason(
            Grant.Problem.DANGLING_REFERENCE,
            field,
            "requires " + ref + ", which is not understood: " + unusable.reason())
        : new Grant.Reason(
            Grant.Problem.DANGLING_REFERENCE,
            field + ".name",
            "requires " + reference + ", but there is no " + ref,
            ref);
  }

  private static void condition(
      String field,
      Reference reference,
      ObjectRef policy,
      Function<ObjectRef, @Nullable PolicyObject> lookup,
      AuthzMessages.Conditions conditions,
      List<Grant.Reason> reasons) {
    ObjectRef ref = reference.resolve(policy.namespace()).orElseThrow();
    if (ref.kind() == ObjectRef.Kind.REGO_AUTHENTICATION
        && !ref.namespace().equals(policy.namespace())) {
      // A bundle is for the proxies of its own namespace alone.
      reasons.add(
          new Grant.Reason(
              Grant.Problem.BAD_AUTHENTICATIONS,
              field + ".namespace",
              "requires "
                  + ref
                  + ": expected a RegoAuthentication of the policy's own namespace, "
                  + policy.namespace()));
      return;
    }
    PolicyObject found = lookup.apply(ref);
    switch (found) {
      case JwtModel.Authentication token -> conditions.tokens.add(JwtModel.nameOf(ref));
      case RegoModel.Authentication bundle -> conditions.bundles.add(RegoModel.nameOf(ref));
      case null, default -> reasons.add(missing(field, reference, ref, found));
    }
  }

  private static Grant.Reason unknownAuthentication(String field, Reference reference) {
    return new Grant.Reason(
        Grant.Problem.BAD_AUTHENTICATIONS,
        field,
        "requires "
            + reference
            + ": expected a MeshTLSAuthentication, NetworkAuthentication, JWTAuthentication,"
            + " RegoAuthentication or ServiceAccount");
  }
}
