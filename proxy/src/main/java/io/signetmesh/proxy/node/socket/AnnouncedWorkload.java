package io.signetmesh.proxy.node.socket;

import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.netns.Network;
import io.signetmesh.proxy.node.LocalWorkload;
import io.signetmesh.v1.WorkloadAnnouncement;
import java.net.InetAddress;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** A workload that was announced at the socket. */
record AnnouncedWorkload(
    WorkloadAnnouncement announcement, Network network, ProxyConfigurations configurations)
    implements LocalWorkload {
  private static final int MAX_ADDRESSES = 8;
  private static final int MAX_PORTS = 1024;
  private static final int MAX_ENTRIES = 256;

  /** A DNS label, and names of several. */
  private static final Predicate<String> LABEL =
      Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?").asMatchPredicate();

  private static final Predicate<String> SUBDOMAIN =
      Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
          .asMatchPredicate();

  /** {@code namespace/name}. */
  static String name(String namespace, String name) {
    return namespace + "/" + name;
  }

  /**
   * Checks the form of an announcement.
   *
   * @throws NodeProtocolException when a field has another form; the message names it
   */
  static void check(WorkloadAnnouncement announced) throws NodeProtocolException {
    checkName(announced.getNamespace(), announced.getName());
    String name = name(announced.getNamespace(), announced.getName());
    String account = announced.getServiceAccount();
    if (account.length() > 253 || !SUBDOMAIN.test(account)) {
      throw wrong(name, "service_account", account, "the name of a ServiceAccount");
    }
    int addresses = announced.getAddressesCount();
    if (addresses < 1 || addresses > MAX_ADDRESSES) {
      throw wrong(name, "addresses", addresses + " entries", "1 to " + MAX_ADDRESSES);
    }
    for (String address : announced.getAddressesList()) {
      try {
        InetAddress.ofLiteral(address);
      } catch (IllegalArgumentException e) {
        throw wrong(name, "addresses", address, "an IP address");
      }
    }
    if (announced.getPortsCount() > MAX_PORTS) {
      throw wrong(name, "ports", announced.getPortsCount() + " entries", "at most " + MAX_PORTS);
    }
    for (int port : announced.getPortsList()) {
      if (port < 1 || port > 65_535) {
        throw wrong(name, "ports", Integer.toUnsignedString(port), "1 to 65535");
      }
    }
    if (announced.getAnnotationsCount() > MAX_ENTRIES) {
      throw wrong(
          name,
          "annotations",
          announced.getAnnotationsCount() + " entries",
          "at most " + MAX_ENTRIES);
    }
    if (announced.getEnvironmentCount() > MAX_ENTRIES) {
      throw wrong(
          name,
          "environment",
          announced.getEnvironmentCount() + " entries",
          "at most " + MAX_ENTRIES);
    }
    switch (announced.getCredentialCase()) {
      case TOKEN_FILE -> {
        if (!announced.getTokenFile().startsWith("/")) {
          throw wrong(name, "token_file", announced.getTokenFile(), "an absolute file name");
        }
      }
      case TOKEN -> {
        if (announced.getToken().isBlank()) {
          throw wrong(name, "token", "", "a token");
        }
      }
      default -> throw wrong(name, "credential", "none", "token_file or token");
    }
  }

  /** Checks the form of a workload's name. */
  static void checkName(String namespace, String name) throws NodeProtocolException {
    String both = name(namespace, name);
    if (!LABEL.test(namespace)) {
      throw wrong(both, "namespace", namespace, "a DNS label");
    }
    if (name.length() > 253 || !SUBDOMAIN.test(name)) {
      throw wrong(both, "name", name, "the name of a pod");
    }
  }

  private static NodeProtocolException wrong(
      String workload, String field, String value, String expected) {
    return new NodeProtocolException(
        "workload " + workload + ": " + field + " '" + value + "': expected " + expected);
  }

  @Override
  public String name() {
    return name(announcement.getNamespace(), announcement.getName());
  }

  @Override
  public String serviceAccount() {
    return announcement.getServiceAccount();
  }

  /** The token does not count: it is renewed without the proxy. */
  @Override
  public boolean isSame(LocalWorkload other) {
    return other instanceof AnnouncedWorkload announced
        && withoutToken().equals(announced.withoutToken());
  }

  private WorkloadAnnouncement withoutToken() {
    return announcement.hasToken() ? announcement.toBuilder().setToken("").build() : announcement;
  }

  @Override
  public ProxyConfig configuration() throws InvalidConfigException {
    return configurations.of(announcement);
  }

  /** Without the token, which is in no log. */
  @Override
  public String toString() {
    return "workload " + name() + " in " + network.name();
  }
}
