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
 * A caller as an operator describes it. Missing parts are filled in: an identity comes with mesh
 * TLS, from the address of the first workload that has it. A caller without address or identity
 * comes from {@link #NOWHERE}. No identity is ever assumed, because an address proves none; the
 * workload of an address is only told beside the answer.
 *
 * @param identity identity as certificates have it; null when the caller shows none
 * @param ip address that it calls from; null when it is not said
 * @param tls whether it comes with mesh TLS; null when it is not said
 */
public record CallerDescription(
    @Nullable String identity, @Nullable InetAddress ip, @Nullable Boolean tls) {
  /** Where callers come from of whom nothing else is known (RFC 5737): no network grants it. */
  public static final InetAddress NOWHERE = address("192.0.2.1");

  /**
   * Reads a description.
   *
   * @param identity identity, or {@code namespace/account} for a service account of this mesh; null
   *     when it shows none
   * @param ip literal address; null when it is not said
   * @param tls whether it comes with mesh TLS; null when it is not said
   * @throws IllegalArgumentException for an identity that no client has, and what is no address
   */
  public static CallerDescription of(
      @Nullable String identity, @Nullable String ip, @Nullable Boolean tls, PolicyConfig config) {
    return new CallerDescription(
        identity == null ? null : ClientIdentity.parse(identity, config),
        ip == null ? null : literal(ip),
        tls);
  }

  /** Looks up the workload that may be meant. */
  public Optional<ClientWorkload> find(ClientWorkloads workloads) {
    if (ip != null) {
      return asksWhoseAddress() ? workloads.at(ip) : Optional.empty();
    }
    return identity == null ? Optional.empty() : workloads.withIdentity(identity);
  }

  /** What a controller is asked to look up; empty when there is nothing. */
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
   * The caller.
   *
   * @param found the workload that may be meant; null when there is none
   * @throws IllegalArgumentException for an identity without mesh TLS
   */
  public Caller caller(@Nullable ClientWorkload found) {
    return caller(found, "no workload with this identity has one");
  }

  /** The caller, where nobody can look up a workload. */
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
