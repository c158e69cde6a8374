package io.signetmesh.proxy.authorize.compile;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.proxy.authorize.IpBits;
import io.signetmesh.proxy.authorize.IpBits.Prefix;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Effect;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Network;
import io.signetmesh.rego.RegoAuthentication;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the authorizations and denials of a message into indexes. What a message does not say
 * clearly grants nothing.
 */
final class AuthorizationReader {
  private static final ResourceRef LOCALHOST = new ResourceRef("", "default", "localhost");

  private final boolean localhost;
  private final ResourceRef server;
  private final Map<String, TokenAuthentication> tokens;
  private final Map<String, RegoAuthentication> rego;

  /**
   * @param localhost whether clients from 127.0.0.1 and ::1 are the workload itself
   * @param server what the policy is labelled with
   * @param tokens by name, the authentications by token that the message explains
   * @param rego by name, the authentications by policy bundle that it explains
   */
  AuthorizationReader(
      boolean localhost,
      ResourceRef server,
      Map<String, TokenAuthentication> tokens,
      Map<String, RegoAuthentication> rego) {
    this.localhost = localhost;
    this.server = server;
    this.tokens = tokens;
    this.rego = rego;
  }

  /**
   * The index of what grants.
   *
   * @param withLocalhost whether the workload itself may be granted access as well
   */
  AuthorizationIndex index(List<Authz> messages, boolean withLocalhost, long generation)
      throws InvalidPolicyException {
    List<Authorization> authorizations = authorizations(messages);
    if (withLocalhost && localhost) {
      authorizations.add(
          new Authorization(
              LOCALHOST,
              List.of(
                  new Network(
                      new Prefix(IpBits.MAPPED_HIGH, IpBits.mappedLow(0x7f00_0001), 128),
                      List.of()),
                  new Network(new Prefix(0, 1, 128), List.of())),
              new Authentication.None(),
              List.of(),
              true));
    }
    return new AuthorizationIndex(authorizations, Effect.ALLOW, generation);
  }

  /** The index of what grants in audit mode; null: nothing does. */
  @Nullable AuthorizationIndex audit(List<Authz> messages, long generation)
      throws InvalidPolicyException {
    return messages.isEmpty()
        ? null
        : new AuthorizationIndex(authorizations(messages), Effect.AUDIT, generation);
  }

  /** The index of what denies; null: nothing does. */
  @Nullable AuthorizationIndex denials(List<Authz> messages, long generation)
      throws InvalidPolicyException {
    return messages.isEmpty()
        ? null
        : new AuthorizationIndex(authorizations(messages), Effect.DENY, generation);
  }

  private List<Authorization> authorizations(List<Authz> messages) throws InvalidPolicyException {
    List<Authorization> authorizations = new ArrayList<>();
    for (Authz message : messages) {
      authorizations.add(authorization(message));
    }
    return authorizations;
  }

  private Authorization authorization(Authz message) throws InvalidPolicyException {
    ResourceRef ref;
    if (message.getMetadata().getKindCase() != Metadata.KindCase.KIND_NOT_SET) {
      ref = ref(message.getMetadata());
    } else if (!message.getLabelsOrDefault("name", "").isEmpty()) {
      ref =
          new ResourceRef(
              message.getLabelsOrDefault("group", ""),
              message.getLabelsOrDefault("kind", "authorization"),
              message.getLabelsOrThrow("name"));
    } else {
      throw new InvalidPolicyException("an authorization has neither metadata nor a name");
    }
    String name = "authorization " + ref.label();
    InvalidPolicyException.requireKnown(message, name);
    if (message.getNetworksCount() == 0) {
      throw new InvalidPolicyException(name + " has no networks");
    }
    List<Network> networks = new ArrayList<>();
    for (io.linkerd.proxy.inbound.Network network : message.getNetworksList()) {
      InvalidPolicyException.requireKnown(network, name);
      if (!network.hasNet()) {
        throw new InvalidPolicyException(name + " has a network without address");
      }
      List<Prefix> except = new ArrayList<>();
      for (IPNetwork hole : network.getExceptList()) {
        except.add(prefix(hole, ref));
      }
      networks.add(new Network(prefix(network.getNet(), ref), List.copyOf(except)));
    }
    return new Authorization(
        ref, networks, authentication(message.getAuthentication(), ref), required(message), false);
  }

  private List<Requirement> required(Authz message) {
    List<Requirement> required = new ArrayList<>();
    List<TokenAuthentication> verified = new ArrayList<>();
    for (String name : message.getSignetTokensList()) {
      TokenAuthentication token = tokens.get(name);
      required.add(new Requirement.Token(name, token));
      if (token != null) {
        verified.add(token);
      }
    }
    for (String name : message.getSignetRegoList()) {
      RegoAuthentication asked = rego.get(name);
      required.add(
          new Requirement.Rego(
              name, asked == null ? null : new RegoQuestion(asked, verified, server)));
    }
    return required;
  }

  private static Authentication authentication(Authn message, ResourceRef ref)
      throws InvalidPolicyException {
    InvalidPolicyException.requireKnown(message, "authorization " + ref.label());
    return switch (message.getPermitCase()) {
      case UNAUTHENTICATED -> new Authentication.None();
      case MESHTLS -> {
        Authn.PermitMeshTLS tls = message.getMeshTLS();
        InvalidPolicyException.requireKnown(tls, "authorization " + ref.label());
        InvalidPolicyException.requireKnown(tls.getIdentities(), "authorization " + ref.label());
        yield switch (tls.getClientsCase()) {
          case UNAUTHENTICATED -> new Authentication.MeshTls();
          case IDENTITIES -> {
            List<String> exact = new ArrayList<>();
            tls.getIdentities().getIdentitiesList().forEach(id -> exact.add(id.getName()));
            List<List<String>> suffixes = new ArrayList<>();
            tls.getIdentities()
                .getSuffixesList()
                .forEach(suffix -> suffixes.add(List.copyOf(suffix.getPartsList())));
            yield new Authentication.Identities(List.copyOf(exact), List.copyOf(suffixes));
          }
          case CLIENTS_NOT_SET ->
              throw new InvalidPolicyException(
                  "authorization " + ref.label() + " asks for mesh TLS of unknown clients");
        };
      }
      case PERMIT_NOT_SET ->
          throw new InvalidPolicyException(
              "authorization " + ref.label() + " has no known authentication");
    };
  }

  private static Prefix prefix(IPNetwork message, ResourceRef ref) throws InvalidPolicyException {
    IPAddress ip = message.getIp();
    int length = message.getPrefixLen();
    return switch (ip.getIpCase()) {
      case IPV4 -> {
        check(length, 32, ref);
        yield new Prefix(
            IpBits.MAPPED_HIGH, IpBits.mappedLow(ip.getIpv4()), IpBits.mappedPrefix(length));
      }
      case IPV6 -> {
        check(length, 128, ref);
        yield new Prefix(ip.getIpv6().getFirst(), ip.getIpv6().getLast(), length);
      }
      case IP_NOT_SET ->
          throw new InvalidPolicyException(
              "authorization " + ref.label() + " has a network without address");
    };
  }

  private static void check(int length, int max, ResourceRef ref) throws InvalidPolicyException {
    if (length < 0 || length > max) {
      throw new InvalidPolicyException(
          "authorization "
              + ref.label()
              + ": prefix length "
              + Integer.toUnsignedString(length)
              + ", expected 0 to "
              + max);
    }
  }

  /** The resource that metadata name. */
  static ResourceRef ref(Metadata metadata) throws InvalidPolicyException {
    return switch (metadata.getKindCase()) {
      case DEFAULT -> new ResourceRef("", "default", metadata.getDefault());
      case RESOURCE ->
          new ResourceRef(
              metadata.getResource().getGroup(),
              metadata.getResource().getKind().toLowerCase(Locale.ROOT),
              metadata.getResource().getName());
      case KIND_NOT_SET -> throw new InvalidPolicyException("metadata is missing");
    };
  }
}
