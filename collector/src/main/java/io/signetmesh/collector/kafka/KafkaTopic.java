package io.signetmesh.collector.kafka;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A topic and where it is: {@code kafka://HOST:PORT[,HOST:PORT…]/TOPIC}.
 *
 * @param brokers that are asked first, as host and port
 * @param name of the topic
 */
public record KafkaTopic(List<String> brokers, String name) {
  private static final String SCHEME = "kafka://";
  private static final Pattern BROKER =
      Pattern.compile("(?:[A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f:.]{2,45}]):([0-9]{1,5})");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,249}");
  private static final int MAX_BROKERS = 32;
  private static final int MAX_PORT = 65_535;

  /** Copies the list. */
  public KafkaTopic {
    brokers = List.copyOf(brokers);
  }

  /** Whether a text is meant to be a topic. */
  public static boolean isMeant(String text) {
    return text.startsWith(SCHEME);
  }

  /**
   * Reads a topic.
   *
   * @throws IllegalArgumentException when the text is none
   */
  public static KafkaTopic parse(String text) {
    int slash = text.indexOf('/', SCHEME.length());
    if (!isMeant(text) || slash < 0) {
      throw refused(text, "");
    }
    List<String> brokers = new ArrayList<>();
    for (String broker : text.substring(SCHEME.length(), slash).split(",", -1)) {
      Matcher matcher = BROKER.matcher(broker);
      boolean isOne = matcher.matches();
      int port = isOne ? Integer.parseInt(matcher.group(1)) : 0;
      if (port < 1 || port > MAX_PORT) {
        throw refused(text, ": '" + broker + "' is no host and port");
      }
      brokers.add(broker);
    }
    if (brokers.size() > MAX_BROKERS) {
      throw refused(text, ": " + brokers.size() + " brokers, expected at most " + MAX_BROKERS);
    }
    String name = text.substring(slash + 1);
    if (!NAME.matcher(name).matches() || name.equals(".") || name.equals("..")) {
      throw refused(text, ": '" + name + "' is no name of a topic");
    }
    return new KafkaTopic(brokers, name);
  }

  private static IllegalArgumentException refused(String text, String why) {
    return new IllegalArgumentException(
        "'" + text + "' is no topic" + why + "; expected kafka://HOST:PORT/TOPIC");
  }

  /** Whether all brokers that are asked first are on a loopback address. */
  boolean isLoopback() {
    return brokers.stream().allMatch(KafkaTopic::isLoopback);
  }

  private static boolean isLoopback(String broker) {
    String host = broker.substring(0, broker.lastIndexOf(':'));
    if (host.equalsIgnoreCase("localhost")) {
      return true;
    }
    try {
      return InetAddress.ofLiteral(host.replaceAll("[\\[\\]]", "")).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      // A name: whose it is, a resolver says.
      return false;
    }
  }

  /** As it is read. */
  @Override
  public String toString() {
    return SCHEME + String.join(",", brokers) + "/" + name;
  }
}
