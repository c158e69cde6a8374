package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Entry;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Network;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A list of authorizations, indexed: by what they ask of the client (nothing, mesh TLS, any
 * identity, an exact identity, an identity suffix) and within that by network. The first in list
 * order that holds wins. Grants know a client by the first name of its certificate, denials by each
 * of its names. Decisions are made here in advance, so deciding only looks things up.
 *
 * <p>Authorizations that require something of the request are in {@link ProofRules}. Those that
 * require tokens count after the others, so that a request which is allowed without its token is
 * recorded as such. Those that ask policy bundles are asked for separately: {@link #firstByRego}.
 */
final class AuthorizationIndex {
  private final List<Authorization> authorizations;
  private final @Nullable ProofRules tokens;
  private final @Nullable ProofRules rego;
  private final boolean denies;

  /** Lowest id of those that ask nothing of the client and are stated; -1: none. */
  private final int firstUnauthenticated;

  private final NetworkIndex unauthenticated;
  private final NetworkIndex meshTls;
  private final NetworkIndex anyIdentity;
  private final NameTable.Exact exact;
  private final NameTable.Suffixes suffixes;
  private final NetworkIndex all;
  private final Decision[] matches;
  private final Decision[] networkMiss;
  private final Decision[] identityMiss;
  private final Decision[] identityRequired;
  private final Decision[] tlsRequired;

  /**
   * An authorization as compiled from the wire.
   *
   * @param ref where it comes from
   * @param networks networks that it holds for; not empty
   * @param authentication what it asks of the client
   * @param required what it requires of the request as well, all of it; tokens first
   * @param implicit whether no policy states it, so that it is nobody's nearest miss
   */
  record Authorization(
      ResourceRef ref,
      List<Network> networks,
      Authentication authentication,
      List<Requirement> required,
      boolean implicit) {
    Authorization(ResourceRef ref, List<Network> networks, Authentication authentication) {
      this(ref, networks, authentication, List.of(), false);
    }

    Authorization {
      networks = List.copyOf(networks);
      required = List.copyOf(required);
    }

    /** Whether it asks a policy bundle. */
    boolean asksRego() {
      return required.stream().anyMatch(Requirement.Rego.class::isInstance);
    }
  }

  /** What an authorization asks of a client. */
  sealed interface Authentication {
    /** Nothing. */
    record None() implements Authentication {}

    /** Mesh TLS, with or without an identity. */
    record MeshTls() implements Authentication {}

    /**
     * An identity.
     *
     * @param exact identities, DNS names or SPIFFE ids
     * @param suffixes label lists; the empty list stands for any identity that is a DNS name, and
     *     in a denial for any identity (suffixes are for DNS names)
     */
    record Identities(List<String> exact, List<List<String>> suffixes) implements Authentication {
      public Identities {
        exact = List.copyOf(exact);
        suffixes = List.copyOf(suffixes);
      }
    }
  }

  /** What comes of an authorization that holds. */
  enum Effect {
    /** The client is let in. */
    ALLOW,
    /** The client is let in for the audit only. */
    AUDIT,
    /** The client is refused. */
    DENY
  }

  /**
   * @param authorizations in the order in which they count
   * @param generation generation of the policy
   */
  AuthorizationIndex(List<Authorization> authorizations, Effect effect, long generation) {
    this(
        authorizations.stream().filter(one -> one.required().isEmpty()).toList(),
        ProofRules.of(
            authorizations,
            one -> !one.required().isEmpty() && !one.asksRego(),
            effect == Effect.DENY,
            generation,
            alike -> new AuthorizationIndex(alike, null, null, effect, generation)),
        ProofRules.of(
            authorizations,
            Authorization::asksRego,
            effect == Effect.DENY,
            generation,
            alike -> new AuthorizationIndex(alike, null, null, effect, generation)),
        effect,
        generation);
  }

  /**
   * @param authorizations what is indexed by client; what they require of the request is left to
   *     the caller
   * @param tokens those that require tokens and ask no policy bundle; null: none does
   * @param rego those that ask policy bundles; null: none does
   */
  private AuthorizationIndex(
      List<Authorization> authorizations,
      @Nullable ProofRules tokens,
      @Nullable ProofRules rego,
      Effect effect,
      long generation) {
    this.authorizations = List.copyOf(authorizations);
    this.tokens = tokens;
    this.rego = rego;
    this.denies = effect == Effect.DENY;
    int stated = -1;
    List<Entry> none = new ArrayList<>();
    List<Entry> tls = new ArrayList<>();
    List<Entry> any = new ArrayList<>();
    List<Entry> everything = new ArrayList<>();
    NameTable.Builder names = new NameTable.Builder();
    NameTable.Builder endings = new NameTable.Builder();
    int count = authorizations.size();
    matches = new Decision[count];
    int misses = effect == Effect.ALLOW ? count : 0;
    networkMiss = new Decision[misses];
    identityMiss = new Decision[misses];
    identityRequired = new Decision[misses];
    tlsRequired = new Decision[misses];
    for (int id = 0; id < count; id++) {
      Authorization authorization = authorizations.get(id);
      Entry entry = new Entry(id, authorization.networks());
      if (!authorization.implicit()) {
        everything.add(entry);
      }
      switch (authorization.authentication()) {
        case Authentication.None asked -> {
          none.add(entry);
          if (stated < 0 && !authorization.implicit()) {
            stated = id;
          }
        }
        case Authentication.MeshTls asked -> tls.add(entry);
        case Authentication.Identities asked -> {
          for (String name : asked.exact()) {
            names.add(name, entry);
          }
          for (List<String> suffix : asked.suffixes()) {
            if (suffix.isEmpty()) {
              any.add(entry);
            } else {
              endings.add(String.join(".", suffix), entry);
            }
          }
        }
      }
      ResourceRef ref = authorization.ref();
      matches[id] =
          switch (effect) {
            case ALLOW -> decision(true, Reason.AUTHORIZED, ref, null, null, generation);
            case AUDIT ->
                new Decision(
                    true, Reason.AUDITED, ref, null, null, Decision.Mode.AUDIT, generation);
            case DENY ->
                decision(
                    false,
                    Reason.DENIED_BY_POLICY,
                    ref,
                    null,
                    RequirementText.denied(authorization),
                    generation);
          };
      if (effect == Effect.ALLOW) {
        String client = RequirementText.client(authorization);
        String network = RequirementText.networks(authorization.networks());
        networkMiss[id] = miss(Reason.NETWORK_MISMATCH, ref, "network", network, generation);
        identityMiss[id] = miss(Reason.IDENTITY_MISMATCH, ref, "identity", client, generation);
        identityRequired[id] = miss(Reason.IDENTITY_REQUIRED, ref, "identity", client, generation);
        tlsRequired[id] = miss(Reason.TLS_REQUIRED, ref, "tls", client, generation);
      }
    }
    exact = names.exact();
    suffixes = endings.suffixes();
    firstUnauthenticated = stated;
    unauthenticated = NetworkIndex.of(none);
    meshTls = NetworkIndex.of(tls);
    anyIdentity = NetworkIndex.of(any);
    all = NetworkIndex.of(effect == Effect.ALLOW ? everything : List.of());
  }

  private static Decision miss(
      Reason reason, ResourceRef ref, String attribute, String detail, long generation) {
    return decision(false, reason, ref, attribute, detail, generation);
  }

  private static Decision decision(
      boolean allowed,
      Reason reason,
      ResourceRef ref,
      @Nullable String failedAttribute,
      @Nullable String detail,
      long generation) {
    return new Decision(
        allowed, reason, ref, failedAttribute, detail, Decision.Mode.ENFORCE, generation);
  }

  /** The authorizations in the order in which they count, but those that ask policy bundles. */
  List<Authorization> authorizations() {
    if (tokens == null) {
      return authorizations;
    }
    List<Authorization> all = new ArrayList<>(authorizations);
    all.addAll(tokens.authorizations());
    return all;
  }

  /** Those that require tokens and ask no policy bundle; null when none does. */
  @Nullable ProofRules tokens() {
    return tokens;
  }

  /** Those that ask policy bundles; null when none does. */
  @Nullable ProofRules rego() {
    return rego;
  }

  /**
   * The decision of the first authorization that holds and asks no policy bundle, or null when none
   * does.
   */
  @Nullable Decision first(Client client) {
    Decision found = firstByClient(client);
    return found != null || tokens == null ? found : tokens.first(client);
  }

  /** The decision of the first that holds by what policy bundles answered; null when none does. */
  @Nullable Decision firstByRego(Client client) {
    return rego == null ? null : rego.first(client);
  }

  /** The next policy bundle to ask, as {@link ProofRules#next} has it. */
  @Nullable RegoQuestion nextRego(Client client, RequestProofs proofs) {
    return rego == null ? null : rego.next(client, proofs);
  }

  /** Those that require nothing of the request. */
  List<Authorization> byClient() {
    return authorizations;
  }

  /** Whether an authorization holds, or would with the right request. */
  boolean mayHold(Client client) {
    return firstByClient(client) != null || dependsOnRequest(client);
  }

  /** Whether an authorization holds but for what it requires of the request. */
  boolean dependsOnRequest(Client client) {
    return (tokens != null && tokens.concern(client)) || (rego != null && rego.concern(client));
  }

  /** The decision of the first that holds and requires nothing of the request; null: none does. */
  @Nullable Decision firstByClient(Client client) {
    int found = unauthenticated.first(client);
    if (client.meshTls()) {
      found = lower(found, meshTls.first(client));
      found = lower(found, byIdentity(client));
      if (denies) {
        for (Client other = client.other(); other != null; other = other.other()) {
          found = lower(found, byIdentity(other));
        }
      }
    }
    return found < 0 ? null : matches[found];
  }

  private int byIdentity(Client client) {
    String identity = client.identity();
    if (identity == null) {
      return -1;
    }
    int found = denies || client.hasDnsIdentity() ? anyIdentity.first(client) : -1;
    found = lower(found, exact.first(identity, client));
    return lower(found, suffixes.first(identity, client));
  }

  /**
   * The denial that names the authorization which came nearest: one that holds but for what it
   * requires of the request, else one whose demand on the client holds but not its networks, else
   * one whose networks hold, else the first. Null when there are no authorizations, or they are not
   * there to allow.
   */
  @Nullable Decision nearestMiss(Client client) {
    if (denies) {
      return null;
    }
    ProofRules.Miss byRequest = tokens == null ? null : tokens.nearestMiss(client, null);
    byRequest = rego == null ? byRequest : rego.nearestMiss(client, byRequest);
    if (byRequest != null) {
      return byRequest.denial();
    }
    if (all.isEmpty()) {
      Decision byToken = tokens == null ? null : tokens.nearestMissOfClient(client);
      return byToken != null || rego == null ? byToken : rego.nearestMissOfClient(client);
    }
    int byClient = firstUnauthenticated;
    String identity = client.identity();
    if (client.meshTls()) {
      byClient = lower(byClient, meshTls.isEmpty() ? -1 : meshTls.firstId());
      if (identity != null) {
        if (client.hasDnsIdentity() && !anyIdentity.isEmpty()) {
          byClient = lower(byClient, anyIdentity.firstId());
        }
        byClient = lower(byClient, exact.firstIgnoringNetworks(identity));
        byClient = lower(byClient, suffixes.firstIgnoringNetworks(identity, client));
      }
    }
    if (byClient >= 0) {
      return networkMiss[byClient];
    }
    int byNetwork = all.first(client);
    int nearest = byNetwork < 0 ? all.firstId() : byNetwork;
    if (!client.meshTls()) {
      return tlsRequired[nearest];
    }
    return identity == null ? identityRequired[nearest] : identityMiss[nearest];
  }

  private static int lower(int a, int b) {
    return a < 0 ? b : b < 0 ? a : Math.min(a, b);
  }
}
