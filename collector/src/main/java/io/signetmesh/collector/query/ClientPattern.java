package io.signetmesh.collector.query;

import io.signetmesh.collector.query.AuditEntry.Decision;
import java.net.InetAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A client: a pattern of its identity, its address, or a network that it is in. */
public final class ClientPattern {
  private static final Pattern NETWORK = Pattern.compile("([0-9a-fA-F:.]+)/([0-9]{1,3})");

  private final TextPattern pattern;
  private final byte @Nullable [] network;
  private final int bits;

  private ClientPattern(TextPattern pattern, byte @Nullable [] network, int bits) {
    this.pattern = pattern;
    this.network = network;
    this.bits = bits;
  }

  /**
   * Parses a pattern.
   *
   * @throws IllegalArgumentException when it looks like a network and is none
   */
  public static ClientPattern parse(String text) {
    Matcher matcher = NETWORK.matcher(text);
    if (!matcher.matches()) {
      return new ClientPattern(new TextPattern(text), null, 0);
    }
    byte[] network;
    try {
      network = InetAddress.ofLiteral(matcher.group(1)).getAddress();
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "client '" + text + "': expected a network such as 10.1.0.0/16", e);
    }
    int bits = Integer.parseInt(matcher.group(2));
    if (bits > network.length * 8) {
      throw new IllegalArgumentException(
          "client '" + text + "': expected at most " + network.length * 8 + " bits");
    }
    return new ClientPattern(new TextPattern(text), network, bits);
  }

  /** The address of a text such as {@code 10.1.2.3:40112} without its port, or the text. */
  public static String host(String address) {
    int colon = address.lastIndexOf(':');
    String host = colon < 0 ? address : address.substring(0, colon);
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }

  /** Whether the client of a decision matches. */
  public boolean matches(Decision decision) {
    String address = decision.clientAddress();
    return matchesIdentity(decision.clientIdentity())
        || (address != null && matchesAddress(address));
  }

  /** What each identity that matches begins with. */
  public String identityPrefix() {
    return pattern.prefix();
  }

  /** The pattern as it was given. */
  @Override
  public String toString() {
    return pattern.text();
  }

  /** Whether an identity matches; null does not. */
  public boolean matchesIdentity(@Nullable String identity) {
    return network == null && pattern.matches(identity);
  }

  /** Whether an address with its port matches. */
  public boolean matchesAddress(String address) {
    byte[] wanted = network;
    if (wanted == null) {
      return pattern.matches(address) || pattern.matches(host(address));
    }
    byte[] found;
    try {
      found = InetAddress.ofLiteral(host(address)).getAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
    if (found.length != wanted.length) {
      return false;
    }
    for (int i = 0; i < bits; i++) {
      int mask = 0x80 >>> (i % 8);
      if ((found[i / 8] & mask) != (wanted[i / 8] & mask)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether any address with a given host and some port may match. True for some that do not.
   *
   * @param before what comes before the port: a host and a colon
   */
  public boolean mayMatchAddress(String before) {
    // A network and a host do not see the port.
    return matchesAddress(before + "0") || (network == null && pattern.mayMatchWithDigits(before));
  }
}
