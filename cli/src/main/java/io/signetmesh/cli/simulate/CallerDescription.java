package io.signetmesh.cli.simulate;

import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.policy.clients.ClientWorkload;
import io.signetmesh.policy.clients.ClientWorkloads;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.v1.ClientQuery;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A caller as an operator describes it. Missing parts are filled in. An identity implies mesh TLS
 * and the address of the first workload with that identity. A caller without address and identity
 * has the address {@link #NOWHERE}. An identity is never assumed, because an address proves none;
 * the answer only mentions the workload that has the address.
 *
 * @param identity identity, in the form of certificates; null without one
 * @param ip address of the caller; null when it is not given
 * @param tls whether the caller uses mesh TLS; null when it is not given
 */
public record CallerDescription(
    @Nullable String identity, @Nullable InetAddress ip, @Nullable Boolean tls) {
  /**
   * Address of callers of whom nothing else is known. It is of TEST-NET-1 (RFC 5737), which no real
   * network uses.
   */
  public static final InetAddress NOWHERE = address("192.0.2.1");

  /**
   * Parses a description.
   *
   * @param identity identity, or {@code namespace/account} for a ServiceAccount of this mesh; null
   *     without one
   * @param ip literal IP address; null when it is not given
   * @param tls whether the caller uses mesh TLS; null when it is not given
   * @throws IllegalArgumentException when no certificate can have the identity, or the address is
   *     invalid
   */
  public static CallerDescription of(
      @Nullable String identity, @Nullable String ip, @Nullable Boolean tls, PolicyConfig config) {
    return new CallerDescription(
        identity == null ? null : ClientIdentity.parse(identity, config),
        ip == null ? null : literal(ip),
        tls);
  }

  /** Finds the workload that the description probably means. */
  public Optional<ClientWorkload> find(ClientWorkloads workloads) {
    if (ip != null) {
      return asksWhoseAddress() ? workloads.at(ip) : Optional.empty();
    }
    return identity == null ? Optional.empty() : workloads.withIdentity(identity);
  }

  /**
   * The query with which a controller can find that workload; empty when there is nothing to look
   * up.
   */
  public Optional<ClientQuery> query() {
    if (ip != null) {
      return asksWhoseAddress()
          ? Optional.of(ClientQuery.newBuilder().setIp(ip.getHostAddress()).build())
          : Optional.empty();
    }
    return Optional.ofNullable(identity)
        .map(name -> ClientQuery.newBuilder().setIdentity(name).build());
  }

  private boolean asksWhoseAddress() {
    return identity == null && !Boolean.FALSE.equals(tls);
  }

  /**
   * The complete caller.
   *
   * @param found the workload that the description probably means; null when there is none
   * @throws IllegalArgumentException when there is an identity without mesh TLS
   */
  public Caller caller(@Nullable ClientWorkload found) {
    return caller(found, "no workload with this identity has one");
  }

  /** The complete caller, where workloads cannot be looked up. */
  public Caller unknown() {
    return caller(null, "the controller looks none up");
  }

  private Caller caller(@Nullable ClientWorkload found, String unknown) {
    boolean meshed = tls == null ? identity != null : tls;
    if (ip != null) {
      return new Caller(identity, ip, meshed, null, asksWhoseAddress() ? found : null);
    }
    if (identity == null) {
      return new Caller(null, NOWHERE, meshed, "none is given", null);
    }
    return found == null
        ? new Caller(identity, NOWHERE, meshed, unknown, null)
        : new Caller(identity, found.ip(), meshed, "that of " + found.ref(), null);
  }

  private static InetAddress literal(String ip) {
    if (!IpLiteral.isValid(ip)) {
      throw new IllegalArgumentException("'" + ip + "' is no IP address");
    }
    return address(ip);
  }

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByAddress(Objects.requireNonNull(IpLiteral.parse(literal)));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }
}
