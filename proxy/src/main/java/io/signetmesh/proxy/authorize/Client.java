package io.signetmesh.proxy.authorize;

import io.signetmesh.jwt.Thumbprint;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A client as decisions see it. Made once for each connection, and once more for each request that
 * has to prove something.
 */
public final class Client {
  private final InetAddress address;
  private final boolean meshTls;
  private final @Nullable String identity;
  private final boolean dnsIdentity;
  private final long high;
  private final long low;

  /** By number of labels, from 1: hash of the identity's last labels, and where they begin. */
  private final int[] suffixHashes;

  private final int[] suffixStarts;

  /** The same client by its next name. */
  private final @Nullable Client other;

  private final @Nullable Thumbprint certificate;
  private final @Nullable RequestProofs proofs;

  /**
   * @param address source address of the connection
   * @param meshTls whether this proxy terminated mesh TLS on the connection
   * @param identity first DNS or URI SAN of the verified client certificate; null when the client
   *     showed none. Never non-null without {@code meshTls}.
   * @throws IllegalArgumentException for an identity without mesh TLS
   */
  public Client(InetAddress address, boolean meshTls, @Nullable String identity) {
    this(address, meshTls, identity, null, null);
  }

  private Client(
      InetAddress address,
      boolean meshTls,
      @Nullable String identity,
      @Nullable Client other,
      @Nullable Thumbprint certificate) {
    if (identity != null && !meshTls) {
      throw new IllegalArgumentException(
          "identity " + identity + " without mesh TLS: expected none");
    }
    this.address = address;
    this.meshTls = meshTls;
    this.identity = identity;
    this.other = other;
    this.certificate = certificate;
    this.proofs = null;
    this.dnsIdentity = identity != null && identity.indexOf(':') < 0;
    int suffixes = identity == null || !dnsIdentity ? 0 : suffixes(identity);
    this.suffixHashes = new int[suffixes];
    this.suffixStarts = new int[suffixes];
    if (suffixes > 0 && identity != null) {
      hashSuffixes(identity);
    }
    byte[] bytes = address.getAddress();
    if (address instanceof Inet6Address) {
      this.high = IpBits.toLong(bytes, 0);
      this.low = IpBits.toLong(bytes, 8);
    } else {
      this.high = IpBits.MAPPED_HIGH;
      this.low = IpBits.mappedLow(bytes);
    }
  }

  private Client(Client client, @Nullable RequestProofs proofs) {
    this.address = client.address;
    this.meshTls = client.meshTls;
    this.identity = client.identity;
    this.dnsIdentity = client.dnsIdentity;
    this.high = client.high;
    this.low = client.low;
    this.suffixHashes = client.suffixHashes;
    this.suffixStarts = client.suffixStarts;
    this.other = client.other;
    this.certificate = client.certificate;
    this.proofs = proofs;
  }

  /** The client with what one request proves by tokens, and nothing else. */
  public Client with(TokenProofs tokens) {
    return with(new RequestProofs(tokens, List.of()));
  }

  /** The client with what one request proves. */
  public Client with(RequestProofs proven) {
    return new Client(this, proven);
  }

  /** The client without what one request proves. */
  public Client ofConnection() {
    return proofs == null ? this : new Client(this, null);
  }

  /**
   * What the request proves; null where no request is looked at, as on a connection that is not
   * read as HTTP.
   */
  public @Nullable RequestProofs proofs() {
    return proofs;
  }

  /** What the request proves by tokens; null where no request is looked at. */
  public @Nullable TokenProofs tokens() {
    return proofs == null ? null : proofs.tokens();
  }

  /**
   * A client on a mesh TLS session.
   *
   * @param address source address of the connection
   * @param names DNS and URI SANs of the verified client certificate, in its order; empty when the
   *     client showed none. Grants match the first name, denials match any of them.
   */
  public static Client ofMeshTls(InetAddress address, List<String> names) {
    return ofMeshTls(address, names, null);
  }

  /**
   * A client on a mesh TLS session, with its certificate.
   *
   * @param certificate SHA-256 of the client certificate in DER; null when the client showed none
   */
  public static Client ofMeshTls(
      InetAddress address, List<String> names, @Nullable Thumbprint certificate) {
    Client client = null;
    for (int i = names.size() - 1; i > 0; i--) {
      client = new Client(address, true, names.get(i), client, null);
    }
    return new Client(
        address, true, names.isEmpty() ? null : names.getFirst(), client, certificate);
  }

  /** SHA-256 of the client certificate in DER; null when the client showed none. */
  public @Nullable Thumbprint certificate() {
    return certificate;
  }

  /** Suffixes of an identity: as many as it has dots. Only a DNS name has any. */
  private static int suffixes(String identity) {
    return (int) identity.chars().filter(c -> c == '.').count();
  }

  private void hashSuffixes(String identity) {
    int count = 0;
    int hash = 0;
    for (int i = identity.length() - 1; count < suffixHashes.length; i--) {
      char c = identity.charAt(i);
      if (c == '.') {
        suffixHashes[count] = hash;
        suffixStarts[count] = i + 1;
        count++;
      }
      hash = 31 * hash + c;
    }
  }

  /**
   * Hash of an identity suffix, computed from its end, as {@link #suffixHash(int)} does for the
   * client's own.
   */
  public static int suffixHash(String suffix) {
    int hash = 0;
    for (int i = suffix.length() - 1; i >= 0; i--) {
      hash = 31 * hash + suffix.charAt(i);
    }
    return hash;
  }

  /** Whether the client has an identity that is a DNS name, not a URI. */
  public boolean hasDnsIdentity() {
    return dnsIdentity;
  }

  /** Number of labels of the longest suffix of the identity; 0 when it has none. */
  public int suffixes() {
    return suffixHashes.length;
  }

  /**
   * Hash of the identity's last labels.
   *
   * @param labels 1 to {@link #suffixes}
   */
  public int suffixHash(int labels) {
    return suffixHashes[labels - 1];
  }

  /**
   * Index in the identity at which its last labels begin.
   *
   * @param labels 1 to {@link #suffixes}
   */
  public int suffixStart(int labels) {
    return suffixStarts[labels - 1];
  }

  /** Source address of the connection. */
  public InetAddress address() {
    return address;
  }

  /** Whether the connection is on mesh TLS. */
  public boolean meshTls() {
    return meshTls;
  }

  /** The first name of the client certificate; null: the client sent no certificate. */
  public @Nullable String identity() {
    return identity;
  }

  /** The same client under the next name of its certificate; null when there is none. */
  public @Nullable Client other() {
    return other;
  }

  /** Whether the address is an IPv4 address, mapped or not. */
  public boolean isIpv4() {
    return IpBits.isIpv4(high, low);
  }

  /** High 64 bits of the address as IPv6; IPv4 is mapped (RFC 4291 2.5.5.2). */
  public long high() {
    return high;
  }

  /** Low 64 bits of the address as IPv6. */
  public long low() {
    return low;
  }
}
