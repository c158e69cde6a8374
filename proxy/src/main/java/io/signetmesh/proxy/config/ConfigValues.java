package io.signetmesh.proxy.config;

import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads typed values from environment variables in the syntaxes of Linkerd's proxy, and keeps every
 * fault, so that all of them are reported at once.
 */
final class ConfigValues {
  private static final Pattern DURATION = Pattern.compile("\\s*(\\d{1,15})(ms|s|m|h|d)\\s*");
  private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");

  private final Map<String, String> environment;
  private final Set<String> read = new HashSet<>();
  private final List<String> faults = new ArrayList<>();

  ConfigValues(Map<String, String> environment) {
    this.environment = environment;
  }

  List<String> faults() {
    return faults;
  }

  void fault(String name, String value, String expected) {
    faults.add(name + "='" + value + "': expected " + expected);
  }

  /**
   * What is set and has no effect: variables of Linkerd's proxy, or by their names of this one,
   * that nothing has been read from.
   *
   * @param elsewhere names that are read in another place
   */
  List<String> ignored(Set<String> elsewhere) {
    List<String> ignored = new ArrayList<>();
    environment.forEach(
        (name, value) -> {
          boolean ours = name.startsWith("SIGNET_PROXY_");
          if ((ours || name.startsWith(LinkerdVariables.PREFIX))
              && !value.isBlank()
              && !read.contains(name)
              && !elsewhere.contains(name)) {
            ignored.add(
                name
                    + (LinkerdVariables.contains(name)
                        ? " is a variable of Linkerd's proxy that has no effect on this one"
                        : " is a variable of no proxy: it has no effect"));
          }
        });
    Collections.sort(ignored);
    return List.copyOf(ignored);
  }

  @Nullable String text(String name) {
    read.add(name);
    String value = environment.get(name);
    return value == null || value.isBlank() ? null : value.strip();
  }

  String text(String name, String otherwise) {
    String value = text(name);
    return value == null ? otherwise : value;
  }

  String required(String name) {
    String value = text(name);
    if (value == null) {
      faults.add(name + " is not set");
      return "";
    }
    return value;
  }

  Duration duration(String name, Duration otherwise) {
    String value = text(name);
    if (value == null) {
      return otherwise;
    }
    if (value.equals("0")) {
      return Duration.ZERO;
    }
    Matcher matcher = DURATION.matcher(value);
    if (!matcher.matches()) {
      fault(name, value, "an integer with unit ms, s, m, h or d, e.g. 10s");
      return otherwise;
    }
    long number = Long.parseLong(matcher.group(1));
    try {
      return switch (matcher.group(2)) {
        case "ms" -> Duration.ofMillis(number);
        case "s" -> Duration.ofSeconds(number);
        case "m" -> Duration.ofMinutes(number);
        case "h" -> Duration.ofHours(number);
        default -> Duration.ofDays(number);
      };
    } catch (ArithmeticException e) {
      fault(name, value, "a shorter duration");
      return otherwise;
    }
  }

  /** A duration from {@code min} to {@code max}, or zero for none. */
  private Duration durationOrNone(String name, Duration otherwise, Duration min, Duration max) {
    Duration found = duration(name, otherwise);
    if (!found.isZero() && (found.compareTo(min) < 0 || found.compareTo(max) > 0)) {
      fault(
          name,
          text(name, ""),
          "a duration from " + min.toMillis() + "ms to " + max.toMillis() + "ms, or 0 for none");
      return otherwise;
    }
    return found;
  }

  /** TCP keep-alive of connections, from {@code <base>_KEEPALIVE} and {@code _USER_TIMEOUT}. */
  TcpKeepAlive tcpKeepAlive(String base) {
    return TcpKeepAlive.of(
        durationOrNone(
            base + "_KEEPALIVE",
            Duration.ofSeconds(TcpKeepAlive.DEFAULT.idleSeconds()),
            Duration.ofSeconds(1),
            Duration.ofSeconds(TcpKeepAlive.MAX_IDLE_SECONDS)),
        durationOrNone(
            base + "_USER_TIMEOUT",
            Duration.ofMillis(TcpKeepAlive.DEFAULT.userTimeoutMillis()),
            Duration.ofMillis(1),
            Duration.ofMillis(Integer.MAX_VALUE)));
  }

  /**
   * Keep-alive of HTTP/2 connections, from {@code <base>_KEEP_ALIVE_INTERVAL} and {@code _TIMEOUT}.
   */
  Http2KeepAlive http2KeepAlive(String base) {
    Http2KeepAlive usual = Http2KeepAlive.DEFAULT;
    Duration interval =
        durationOrNone(
            base + "_KEEP_ALIVE_INTERVAL",
            usual.interval(),
            Duration.ofSeconds(1),
            Duration.ofDays(1));
    String timeout = base + "_KEEP_ALIVE_TIMEOUT";
    Duration limit =
        durationOrNone(timeout, usual.timeout(), Duration.ofMillis(100), Duration.ofDays(1));
    if (limit.isZero()) {
      fault(timeout, text(timeout, ""), "a duration from 100ms to 86400000ms");
      limit = usual.timeout();
    }
    return new Http2KeepAlive(interval, limit, true);
  }

  /** As {@link #http2KeepAlive}; null when neither variable is set. */
  @Nullable Http2KeepAlive http2KeepAliveIfSet(String base) {
    boolean set = text(base + "_KEEP_ALIVE_INTERVAL") != null;
    set |= text(base + "_KEEP_ALIVE_TIMEOUT") != null;
    return set ? http2KeepAlive(base) : null;
  }

  boolean flag(String name, boolean otherwise) {
    String value = text(name);
    if (value == null) {
      return otherwise;
    }
    switch (value) {
      case "true":
        return true;
      case "false":
        return false;
      default:
        fault(name, value, "true or false");
        return otherwise;
    }
  }

  /** One of some words; the first one where none is set. */
  String choice(String name, List<String> words) {
    String value = text(name, words.getFirst());
    if (words.contains(value)) {
      return value;
    }
    fault(name, value, String.join(" or ", words));
    return words.getFirst();
  }

  int number(String name, int otherwise, int min, int max) {
    String value = text(name);
    if (value == null) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(value);
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Reported below, like a number out of range.
    }
    fault(name, value, "an integer from " + min + " to " + max);
    return otherwise;
  }

  Set<Integer> ports(String name) {
    Set<Integer> ports = new TreeSet<>();
    String value = text(name);
    if (value == null) {
      return ports;
    }
    for (String part : value.split(",", -1)) {
      String range = part.strip();
      if (range.isEmpty()) {
        continue;
      }
      int dash = range.indexOf('-');
      try {
        int from = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
        int to = dash < 0 ? from : Integer.parseInt(range.substring(dash + 1));
        if (from < 1 || to > 65_535 || from > to) {
          throw new NumberFormatException();
        }
        for (int port = from; port <= to; port++) {
          ports.add(port);
        }
      } catch (NumberFormatException e) {
        fault(name, value, "ports and ranges from 1 to 65535, e.g. 80,8080-8090");
        return Set.of();
      }
    }
    return ports;
  }

  Set<InetAddress> addresses(String name) {
    Set<InetAddress> addresses = new LinkedHashSet<>();
    String value = text(name);
    if (value != null) {
      for (String part : value.split(",", -1)) {
        InetAddress address = literal(part.strip());
        if (address == null) {
          fault(name, value, "IP addresses, e.g. 10.0.0.1,fd00::1");
          return Set.of();
        }
        addresses.add(address);
      }
    }
    return addresses;
  }

  @Nullable InetAddress address(String name) {
    String value = text(name);
    if (value == null) {
      return null;
    }
    InetAddress address = literal(value);
    if (address == null) {
      fault(name, value, "an IP address");
    }
    return address;
  }

  InetSocketAddress socket(String name, InetSocketAddress otherwise) {
    String value = text(name);
    if (value == null) {
      return otherwise;
    }
    InetSocketAddress parsed = socketAddress(value);
    if (parsed == null) {
      fault(name, value, "IP:port, e.g. 0.0.0.0:4143");
      return otherwise;
    }
    return parsed;
  }

  /** {@code IP:port} or {@code [IPv6]:port}; null when it is something else. */
  static @Nullable InetSocketAddress socketAddress(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      return null;
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    InetAddress address = literal(host);
    Integer port = port(text.substring(colon + 1));
    return address == null || port == null ? null : new InetSocketAddress(address, port);
  }

  /** A port from 0 to 65535, or null. */
  static @Nullable Integer port(String text) {
    try {
      int port = Integer.parseInt(text);
      return port >= 0 && port <= 65_535 ? port : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** An address written as a literal; never asks the resolver. */
  static @Nullable InetAddress literal(String text) {
    boolean ipv6 = text.indexOf(':') >= 0;
    if (!ipv6 && !IPV4.matcher(text).matches()) {
      return null;
    }
    try {
      InetAddress address = InetAddress.getByName(text);
      return !ipv6 || address instanceof Inet6Address || text.contains(".") ? address : null;
    } catch (UnknownHostException e) {
      return null;
    }
  }
}
