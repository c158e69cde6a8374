package io.signetmesh.cli.matrix;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.cli.simulate.SimulatedMesh;
import io.signetmesh.cli.simulate.SimulatedPort;
import io.signetmesh.cluster.Workload;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Who may call what in a mesh. The policy engine decides each cell, for each address at which a
 * network of the policy begins or ends. So statements about networks are exact.
 *
 * @param sources rows: who calls
 * @param targets columns: what is called
 * @param cells verdicts, by source and then by target
 */
public record AccessMatrix(
    List<Source> sources, List<Target> targets, Map<Source, Map<Target, Cell>> cells) {
  private static final int IPV4 = 32;
  private static final int IPV6 = 128;

  /** The cell of a source and a target, which must both be in this matrix. */
  public Cell cell(Source source, Target target) {
    return cells.getOrDefault(source, Map.of()).getOrDefault(target, Cell.NOTHING);
  }

  /**
   * Computes the matrix of a mesh.
   *
   * @param namespace restricts the targets to one namespace; empty means all
   */
  public static AccessMatrix of(SimulatedMesh mesh, String namespace) {
    Map<Target, Asked> asked = targets(mesh, namespace);
    List<Source> sources = sources(mesh, asked.values());
    Map<Source, Map<Target, Cell>> cells = new LinkedHashMap<>();
    for (Source source : sources) {
      Map<Target, Cell> row = new LinkedHashMap<>();
      asked.forEach((target, question) -> row.put(target, question.cell(source)));
      cells.put(source, row);
    }
    return new AccessMatrix(sources, List.copyOf(asked.keySet()), cells);
  }

  /**
   * An edge of the access graph.
   *
   * @param source caller
   * @param target what is called
   * @param cell verdict; a denial if the edge is an exception from a wider edge
   */
  public record Edge(Source source, Target target, Cell cell) {}

  /**
   * The allowed calls as a graph, without the edges that a wider edge implies. What clients without
   * an identity may call, everyone may call; what any meshed client may call, every identity may
   * call. An exception from that has an edge of its own.
   */
  public List<Edge> edges() {
    List<Edge> edges = new ArrayList<>();
    for (Source source : sources) {
      for (Target target : targets) {
        Cell cell = cell(source, target);
        Cell wider =
            source.equals(Source.NO_IDENTITY)
                ? Cell.NOTHING
                : cell(
                    source.equals(Source.ANY_MESHED) ? Source.NO_IDENTITY : Source.ANY_MESHED,
                    target);
        if (!cell.equals(wider) && (cell.verdict().passes() || wider.verdict().passes())) {
          edges.add(new Edge(source, target, cell));
        }
      }
    }
    return edges;
  }

  private static Map<Target, Asked> targets(SimulatedMesh mesh, String namespace) {
    Map<String, Found> servers = new TreeMap<>();
    for (Workload workload : mesh.view().workloads()) {
      if (!namespace.isEmpty() && !workload.ref().namespace().equals(namespace)) {
        continue;
      }
      for (int number : mesh.portsOf(workload)) {
        SimulatedPort port = mesh.port(workload.ref(), number).orElse(null);
        if (port == null) {
          continue;
        }
        ResourceRef server = port.policy().server();
        String at = workload.ref().name() + ":" + number;
        String key =
            workload.ref().namespace()
                + (server.kind().equals("default") ? "/~" + at : "/" + server.label());
        servers.computeIfAbsent(key, k -> new Found(workload.ref().namespace(), at, port))
            .workloads++;
      }
    }
    Map<Target, Asked> targets = new LinkedHashMap<>();
    for (Found found : servers.values()) {
      ServerPolicy policy = found.port.policy();
      List<Route> routes = isHttp(policy) ? policy.routes() : List.of();
      if (routes.isEmpty()) {
        targets.put(found.target(null), new Asked(found.port, null));
      }
      for (Route route : routes) {
        targets.put(found.target(route.ref()), new Asked(found.port, route));
      }
    }
    return targets;
  }

  private static boolean isHttp(ServerPolicy policy) {
    return policy.protocol() != ServerPolicy.Protocol.OPAQUE
        && policy.protocol() != ServerPolicy.Protocol.TLS;
  }

  private static List<Source> sources(SimulatedMesh mesh, Collection<Asked> asked) {
    Map<String, Source> known = new TreeMap<>();
    for (Workload workload : mesh.view().workloads()) {
      mesh.identity(workload)
          .ifPresent(
              identity ->
                  known.putIfAbsent(
                      identity,
                      new Source(
                          workload.serviceAccount().isEmpty()
                              ? workload.ref().toString()
                              : workload.ref().namespace() + "/" + workload.serviceAccount(),
                          identity,
                          true,
                          true)));
    }
    for (Asked question : asked) {
      for (String identity : question.identities()) {
        known.putIfAbsent(identity, new Source(mesh.accountName(identity), identity, true, false));
      }
      for (String suffix : question.suffixes()) {
        Source any = Source.anyOf(mesh.namespaceName(suffix), suffix);
        known.putIfAbsent("*." + suffix, any);
      }
    }
    List<Source> sources = new ArrayList<>(known.values());
    sources.sort(Comparator.comparing(Source::name));
    sources.add(Source.ANY_MESHED);
    sources.add(Source.NO_IDENTITY);
    return List.copyOf(sources);
  }

  /** A Server, or a port without one. */
  private static final class Found {
    private final String namespace;
    private final String at;
    private final SimulatedPort port;
    private int workloads;

    Found(String namespace, String at, SimulatedPort port) {
      this.namespace = namespace;
      this.at = at;
      this.port = port;
    }

    Target target(@Nullable ResourceRef route) {
      return new Target(namespace, port.policy().server(), at, workloads, route);
    }
  }

  /** A port and one of its routes. */
  private record Asked(SimulatedPort port, @Nullable Route route) {
    Cell cell(Source source) {
      Set<String> grants = new LinkedHashSet<>();
      Set<String> denials = new LinkedHashSet<>();
      Set<String> audits = new LinkedHashSet<>();
      List<AddressSpan> allowed = new ArrayList<>();
      Set<String> tokens = new LinkedHashSet<>();
      List<AddressSpan> withToken = new ArrayList<>();
      for (int bits : new int[] {IPV4, IPV6}) {
        List<BigInteger> starts = List.copyOf(boundaries(bits));
        for (int i = 0; i < starts.size(); i++) {
          Decision decision = decide(source, bits, starts.get(i));
          String label = decision.authorizationLabel();
          BigInteger end =
              i + 1 < starts.size()
                  ? starts.get(i + 1).subtract(BigInteger.ONE)
                  : AddressSpan.highest(bits);
          if (decision.allowed() && decision.mode() == Decision.Mode.AUDIT) {
            audits.add(label == null ? decision.reason().code() : label);
          } else if (decision.allowed()) {
            add(allowed, new AddressSpan(bits, starts.get(i), end));
            grants.add(label == null ? decision.reason().code() : label);
          } else if (decision.reason() == Reason.TOKEN_REQUIRED && label != null) {
            add(withToken, new AddressSpan(bits, starts.get(i), end));
            tokens.add(label);
          } else if (decision.reason() == Reason.DENIED_BY_POLICY && label != null) {
            denials.add(label);
          }
        }
      }
      if (allowed.isEmpty() && !withToken.isEmpty()) {
        return new Cell(Cell.Verdict.TOKEN, List.copyOf(tokens), networks(withToken));
      }
      if (allowed.isEmpty()) {
        return !audits.isEmpty()
            ? new Cell(Cell.Verdict.AUDIT, List.copyOf(audits), List.of())
            : denials.isEmpty()
                ? new Cell(Cell.Verdict.NONE, List.of(), List.of())
                : new Cell(Cell.Verdict.DENIED, List.copyOf(denials), List.of());
      }
      List<String> networks = networks(allowed);
      return new Cell(
          networks.isEmpty() ? Cell.Verdict.ALLOW : Cell.Verdict.NETWORKS,
          List.copyOf(grants),
          networks);
    }

    /** In CIDR notation; empty for all addresses. */
    private static List<String> networks(List<AddressSpan> spans) {
      return spans.size() == 2 && spans.stream().allMatch(AddressSpan::isWhole)
          ? List.of()
          : spans.stream().flatMap(span -> span.prefixes().stream()).toList();
    }

    private static void add(List<AddressSpan> spans, AddressSpan next) {
      AddressSpan last = spans.isEmpty() ? null : spans.getLast();
      if (last != null
          && last.bits() == next.bits()
          && last.last().add(BigInteger.ONE).equals(next.first())) {
        spans.set(spans.size() - 1, new AddressSpan(last.bits(), last.first(), next.last()));
      } else {
        spans.add(next);
      }
    }

    private Decision decide(Source source, int bits, BigInteger address) {
      Client client =
          new Client(AddressSpan.address(bits, address), source.tls(), source.identity());
      ServerPolicy policy = port.policy();
      return route == null
          ? policy.decideConnection(client)
          : policy.authorizeRequest(client, route);
    }

    /** Addresses at which the verdict can change: where networks begin, and after their ends. */
    private Set<BigInteger> boundaries(int bits) {
      Set<BigInteger> starts = new TreeSet<>();
      starts.add(BigInteger.ZERO);
      for (Authz authz : authorizations()) {
        for (Network network : authz.getNetworksList()) {
          boundary(network.getNet(), bits, starts);
          network.getExceptList().forEach(hole -> boundary(hole, bits, starts));
        }
      }
      return starts;
    }

    private static void boundary(IPNetwork network, int bits, Set<BigInteger> starts) {
      byte[] address;
      if (network.getIp().hasIpv4()) {
        address = ByteBuffer.allocate(4).putInt(network.getIp().getIpv4()).array();
      } else {
        address =
            ByteBuffer.allocate(16)
                .putLong(network.getIp().getIpv6().getFirst())
                .putLong(network.getIp().getIpv6().getLast())
                .array();
      }
      if (address.length * 8 == bits && network.getPrefixLen() <= bits) {
        AddressSpan span = AddressSpan.ofPrefix(address, network.getPrefixLen());
        starts.add(span.first());
        BigInteger after = span.last().add(BigInteger.ONE);
        if (after.compareTo(AddressSpan.highest(bits)) <= 0) {
          starts.add(after);
        }
      }
    }

    /** Identities that the policy names one by one. */
    Set<String> identities() {
      Set<String> names = new TreeSet<>();
      for (Authz authz : authorizations()) {
        Authn authn = authz.getAuthentication();
        authn
            .getMeshTLS()
            .getIdentities()
            .getIdentitiesList()
            .forEach(identity -> names.add(identity.getName()));
      }
      return names;
    }

    /** Identity suffixes that policy names, without the leading {@code *.}. */
    Set<String> suffixes() {
      Set<String> names = new TreeSet<>();
      for (Authz authz : authorizations()) {
        authz.getAuthentication().getMeshTLS().getIdentities().getSuffixesList().stream()
            .filter(suffix -> suffix.getPartsCount() > 0)
            .forEach(suffix -> names.add(String.join(".", suffix.getPartsList())));
      }
      return names;
    }

    /** Everything that grants or denies anything on the port. */
    private List<Authz> authorizations() {
      Server message = port.message();
      List<Authz> all = new ArrayList<>(message.getAuthorizationsList());
      all.addAll(message.getSignetDenialsList());
      List<HttpRoute> http = new ArrayList<>(message.getProtocol().getDetect().getHttpRoutesList());
      http.addAll(message.getProtocol().getHttp1().getRoutesList());
      http.addAll(message.getProtocol().getHttp2().getRoutesList());
      for (HttpRoute one : http) {
        all.addAll(one.getAuthorizationsList());
        all.addAll(one.getSignetDenialsList());
      }
      for (GrpcRoute one : message.getProtocol().getGrpc().getRoutesList()) {
        all.addAll(one.getAuthorizationsList());
        all.addAll(one.getSignetDenialsList());
      }
      return all;
    }
  }
}
