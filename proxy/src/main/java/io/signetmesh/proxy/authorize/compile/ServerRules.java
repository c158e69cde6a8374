package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation.Level;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Rules of a server, and how they count together with those of a route. Denials come first. Of
 * denials, and of authorizations, those that ask policy bundles count after the others of server
 * and route, so that no bundle is asked for what is decided without it.
 *
 * @param denials denials, null: none
 * @param ofConnections denials that a connection is asked which is not read as HTTP: where such a
 *     connection may carry requests all the same, those of all routes too; null: none
 * @param authorizations authorizations
 * @param audited the audit access policy, null: none
 */
record ServerRules(
    @Nullable AuthorizationIndex denials,
    @Nullable AuthorizationIndex ofConnections,
    AuthorizationIndex authorizations,
    @Nullable AuthorizationIndex audited) {

  /** Whether tokens decide on any request. */
  boolean readTokens() {
    return readTokens(denials) || readTokens(authorizations);
  }

  /** Whether tokens decide on what an index holds. */
  static boolean readTokens(@Nullable AuthorizationIndex index) {
    // What asks policy bundles may require tokens, too.
    return index != null && (index.tokens() != null || index.rego() != null);
  }

  /** Whether policy bundles decide on any request. */
  boolean askRego() {
    return askRego(denials) || askRego(authorizations);
  }

  /** Whether policy bundles decide on what an index holds. */
  static boolean askRego(@Nullable AuthorizationIndex index) {
    return index != null && index.rego() != null;
  }

  /** The decision of a denial that holds for a connection; null: none does. */
  @Nullable Decision deniedConnection(Client client) {
    return first(ofConnections, null, client);
  }

  /** The decision of a denial that holds for a request; null: none does. */
  @Nullable Decision denied(Client client, CompiledRoute route) {
    return first(denials, route.denials(), client);
  }

  /** Whether no denial holds whatever a request proves, and an authorization holds or may. */
  boolean mayAllow(Client client, CompiledRoute route) {
    return (denials == null || denials.firstByClient(client) == null)
        && (route.denials() == null || route.denials().firstByClient(client) == null)
        && (authorizations.mayHold(client)
            || (route.own() != null && route.own().mayHold(client))
            || (audited != null && audited.mayHold(client)));
  }

  /**
   * The decision of an authorization that holds; null: none does.
   *
   * @param own authorizations of the route; null: it has none, or there is no request
   * @param audit whether the audit access policy counts
   */
  @Nullable Decision granted(Client client, @Nullable AuthorizationIndex own, boolean audit) {
    Decision granted = first(own, authorizations, client);
    return granted == null && audit && audited != null ? audited.first(client) : granted;
  }

  /** The denial that names the authorization which came nearest; null: there are none. */
  @Nullable Decision nearestMiss(Client client, @Nullable AuthorizationIndex own) {
    // The route's own authorizations are nearer to the request than the server's.
    Decision miss = own == null ? null : own.nearestMiss(client);
    return miss == null ? authorizations.nearestMiss(client) : miss;
  }

  private static @Nullable Decision first(
      @Nullable AuthorizationIndex one, @Nullable AuthorizationIndex other, Client client) {
    Decision found = one == null ? null : one.first(client);
    if (found == null && other != null) {
      found = other.first(client);
    }
    if (found == null && one != null) {
      found = one.firstByRego(client);
    }
    return found == null && other != null ? other.firstByRego(client) : found;
  }

  /** The next policy bundle whose answer decides on a request; null: there is none. */
  @Nullable RegoQuestion nextRego(Client client, CompiledRoute route) {
    RequestProofs known = client.proofs();
    RequestProofs proofs = known == null ? RequestProofs.NONE : known;
    Client asked = known == null ? client.with(proofs) : client;
    RegoQuestion denial = next(denials, route.denials(), asked, proofs);
    if (denial != null || denied(asked, route) != null) {
      return denial;
    }
    return next(route.own(), authorizations, asked, proofs);
  }

  private static @Nullable RegoQuestion next(
      @Nullable AuthorizationIndex one,
      @Nullable AuthorizationIndex other,
      Client client,
      RequestProofs proofs) {
    if ((!askRego(one) && !askRego(other))
        || (one != null && one.first(client) != null)
        || (other != null && other.first(client) != null)) {
      return null;
    }
    RegoQuestion question = one == null ? null : one.nextRego(client, proofs);
    if (question != null || (one != null && one.firstByRego(client) != null)) {
      return question;
    }
    return other == null ? null : other.nextRego(client, proofs);
  }

  /** Adds the tokens that decide on requests of a client that take a route. */
  void addTokens(Client client, CompiledRoute route, Set<TokenAuthentication> needed) {
    addTokens(denials, client, needed);
    addTokens(route.denials(), client, needed);
    addTokens(route.own(), client, needed);
    addTokens(authorizations, client, needed);
  }

  private static void addTokens(
      @Nullable AuthorizationIndex index, Client client, Set<TokenAuthentication> needed) {
    if (index != null && index.tokens() != null) {
      index.tokens().addTokens(client, needed);
    }
    if (index != null && index.rego() != null) {
      index.rego().addTokens(client, needed);
    }
  }

  /** Adds all tokens that decide on requests of anybody, whatever their route. */
  void addTokens(RouteTable routes, Set<TokenAuthentication> all) {
    addTokens(denials, all);
    addTokens(authorizations, all);
    for (RouteEntry entry : routes.entries()) {
      addTokens(entry.route().denials(), all);
      addTokens(entry.route().own(), all);
    }
  }

  private static void addTokens(@Nullable AuthorizationIndex index, Set<TokenAuthentication> all) {
    if (index != null && index.tokens() != null) {
      index.tokens().addTokens(all);
    }
    if (index != null && index.rego() != null) {
      index.rego().addTokens(all);
    }
  }

  /**
   * Explains the rules, in the order in which they count.
   *
   * @param route the route of the request; null: a connection
   */
  void explain(RuleExplanation to, @Nullable CompiledRoute route, boolean audit) {
    AuthorizationIndex server = route == null ? ofConnections : denials;
    AuthorizationIndex denied = route == null ? null : route.denials();
    AuthorizationIndex own = route == null ? null : route.own();
    to.add(Level.SERVER_DENIAL, server, false);
    to.add(Level.ROUTE_DENIAL, denied, false);
    to.add(Level.SERVER_DENIAL, server, true);
    to.add(Level.ROUTE_DENIAL, denied, true);
    to.add(Level.ROUTE, own, false);
    to.add(Level.SERVER, authorizations, false);
    to.add(Level.ROUTE, own, true);
    to.add(Level.SERVER, authorizations, true);
    if (audit) {
      to.add(Level.AUDIT, audited, false);
    }
  }
}
