package io.signetmesh.collector.report;

import io.signetmesh.collector.export.SafeText;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.ClientPattern;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The smallest policy that allows what was allowed in a period: an authorization for each Server,
 * with the identities that called it, and with the addresses that called it without one. A proposal
 * for people to review: it allows who was there, not who should be.
 */
public final class ProposedPolicy {
  /** Clients of a Server that are listed; beyond that a proposal is none that people can review. */
  static final int MAX_CLIENTS = 1000;

  private static final int MAX_SERVERS = 1000;
  private static final int MAX_LEFT_OUT = 100;

  /** No pattern may come from a record: it would allow others than were seen. */
  private static final Pattern IDENTITY =
      Pattern.compile(
          "(?:spiffe://[a-z0-9._-]{1,255}(?:/[A-Za-z0-9._-]{1,255}){1,16}"
              + "|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
              + "(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){1,16})");

  private static final Pattern SERVER =
      Pattern.compile("policy\\.linkerd\\.io/server/([a-z0-9](?:[a-z0-9.-]{0,198}[a-z0-9])?)");
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?");

  private record Target(String namespace, String server) implements Comparable<Target> {
    @Override
    public int compareTo(Target other) {
      int byNamespace = namespace.compareTo(other.namespace);
      return byNamespace != 0 ? byNamespace : server.compareTo(other.server);
    }
  }

  private record Clients(SortedSet<String> identities, SortedSet<String> networks) {}

  private final SortedMap<Target, Clients> targets = new TreeMap<>();
  private final SortedSet<String> leftOut = new TreeSet<>();
  private long notCounted;

  private ProposedPolicy() {}

  /**
   * Makes manifests, as YAML with comments.
   *
   * @param namespace only workloads of this namespace; null for all
   * @throws IOException when the log cannot be read
   */
  public static String of(Period period, @Nullable String namespace) throws IOException {
    ProposedPolicy proposed = new ProposedPolicy();
    Report.Scope scope =
        period.read(
            builder -> builder.workload(namespace == null ? null : namespace + "/*"),
            (entry, decision) -> {
              boolean isWanted = namespace == null || namespace.equals(Names.namespace(decision));
              if (isWanted && decision.isAllowed() && !Names.isAlwaysAllowed(decision)) {
                proposed.add(decision);
              }
            });
    return proposed.yaml(period, scope);
  }

  private void add(Decision decision) {
    Matcher server = SERVER.matcher(Names.text(decision.server()));
    String namespace = Names.namespace(decision);
    if (!server.matches() || namespace == null || !NAMESPACE.matcher(namespace).matches()) {
      leaveOut(
          "no Server selects the port of "
              + Names.text(decision.targetAddress())
              + " of "
              + Names.workload(decision)
              + " ("
              + Names.text(decision.server())
              + ")");
      return;
    }
    if (decision.token() != null) {
      leaveOut(
          "Server "
              + namespace
              + "/"
              + server.group(1)
              + " was called with tokens, by "
              + Names.text(decision.authorization())
              + ", which stays as it is");
      return;
    }
    Target target = new Target(namespace, server.group(1));
    Clients clients = targets.get(target);
    if (clients == null) {
      if (targets.size() >= MAX_SERVERS) {
        notCounted++;
        return;
      }
      clients = new Clients(new TreeSet<>(), new TreeSet<>());
      targets.put(target, clients);
    }
    String identity = decision.clientIdentity();
    if (identity != null) {
      if (IDENTITY.matcher(identity).matches()) {
        add(clients.identities, identity);
      } else {
        leaveOut("identity " + identity + " is none that a policy can name");
      }
      return;
    }
    String network = network(decision.clientAddress());
    if (network != null) {
      add(clients.networks, network);
    } else {
      leaveOut("a client of " + Names.workload(decision) + " has neither identity nor address");
    }
  }

  private void add(SortedSet<String> clients, String client) {
    if (clients.size() < MAX_CLIENTS || clients.contains(client)) {
      clients.add(client);
    } else {
      notCounted++;
    }
  }

  private void leaveOut(String why) {
    if (leftOut.size() < MAX_LEFT_OUT) {
      leftOut.add(SafeText.of(why));
    }
  }

  private static @Nullable String network(@Nullable String address) {
    if (address == null) {
      return null;
    }
    try {
      InetAddress ip = InetAddress.ofLiteral(ClientPattern.host(address));
      return ip.getHostAddress() + "/" + ip.getAddress().length * 8;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private String yaml(Period period, Report.Scope scope) {
    StringBuilder yaml = new StringBuilder();
    yaml.append("# What ").append(SafeText.of(period.log().origin()));
    yaml.append(" says was allowed");
    if (scope.since() != null) {
      yaml.append(" since ").append(scope.since());
    }
    if (scope.until() != null) {
      yaml.append(" until ").append(scope.until());
    }
    yaml.append(", ").append(scope.decisions()).append(" decisions. Review it: it allows who was");
    yaml.append(" there, not who should be.\n");
    Names.notes(scope, notCounted).forEach(note -> yaml.append("# ").append(note).append(".\n"));
    leftOut.forEach(why -> yaml.append("# Left out: ").append(why).append(".\n"));
    SortedMap<String, String> shared = new TreeMap<>();
    for (Map.Entry<Target, Clients> target : targets.entrySet()) {
      authorization(yaml, target.getKey(), "identities", target.getValue().identities, shared);
      authorization(yaml, target.getKey(), "networks", target.getValue().networks, shared);
    }
    return yaml.toString();
  }

  /**
   * Appends an authorization.
   *
   * @param shared names of the authentications that are there, by their namespaces and clients
   */
  private static void authorization(
      StringBuilder yaml,
      Target target,
      String kind,
      SortedSet<String> clients,
      SortedMap<String, String> shared) {
    if (clients.isEmpty()) {
      return;
    }
    boolean areIdentities = kind.equals("identities");
    String authentication = areIdentities ? "MeshTLSAuthentication" : "NetworkAuthentication";
    String content = target.namespace + "\n" + kind + "\n" + String.join("\n", clients);
    String name = shared.get(content);
    if (name == null) {
      name = target.server + "-seen-" + kind;
      shared.put(content, name);
      head(yaml, authentication, name, target.namespace);
      yaml.append("  ").append(kind).append(":\n");
      for (String client : clients) {
        yaml.append(areIdentities ? "    - \"" : "    - cidr: \"").append(client).append("\"\n");
      }
    }
    head(yaml, "AuthorizationPolicy", target.server + "-seen-" + kind, target.namespace);
    yaml.append("  targetRef: {group: policy.linkerd.io, kind: Server, name: \"");
    yaml.append(target.server).append("\"}\n");
    yaml.append("  requiredAuthenticationRefs:\n");
    yaml.append("    - {group: policy.linkerd.io, kind: ").append(authentication);
    yaml.append(", name: \"").append(name).append("\"}\n");
  }

  private static void head(StringBuilder yaml, String kind, String name, String namespace) {
    yaml.append("---\napiVersion: policy.linkerd.io/v1alpha1\nkind: ").append(kind);
    yaml.append("\nmetadata: {name: \"").append(name).append("\", namespace: \"");
    yaml.append(namespace).append("\"}\nspec:\n");
  }
}
