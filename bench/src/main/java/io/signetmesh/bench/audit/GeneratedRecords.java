package io.signetmesh.bench.audit;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Audit entries of a day of a made-up mesh: 400 services in 24 namespaces with some 2,000 pods, and
 * few callers for each. Popularity falls off as in real meshes; 98.6 % is allowed, 0.5 % would be
 * denied by policy in audit mode. The same number and total always make the same entry. Immutable,
 * for several threads.
 */
public final class GeneratedRecords {
  /** First moment of the day. */
  public static final Instant BEGIN = Instant.parse("2026-11-29T00:00:00Z");

  /** Route that one of about a million records has. */
  public static final String RARE_ROUTE = "gateway.networking.k8s.io/httproute/ledger-admin-export";

  private static final String DOMAIN = ".serviceaccount.identity.linkerd.cluster.local";
  private static final int SERVICES = 400;
  private static final int NAMESPACES = 24;
  private static final int EDGES = 1 << 16;
  private static final long RARE = 1_000_003;
  private static final long DAY_MILLIS = 86_400_000;
  private static final String[] NAMES = {
    "orders", "cart", "search", "ledger", "mail", "stock", "price", "user", "media", "audit-feed"
  };
  private static final String[] RESOURCES = {
    "items", "orders", "customers", "invoices", "sessions", "images", "prices", "events"
  };
  private static final String[] DENIALS = {
    "identity-mismatch",
    "identity-mismatch",
    "identity-mismatch",
    "not-authenticated",
    "no-route",
    "network-mismatch",
    "rate-limited",
    "denied-by-policy"
  };

  /** A workload. */
  private record Pod(String name, String address, String journal) {}

  /** A service with what its records have in common. */
  private record Service(
      String namespace,
      String identity,
      String server,
      List<String> routes,
      List<String> paths,
      String authorization,
      List<Pod> pods,
      boolean isTcp,
      boolean isTried) {}

  private final long total;
  private final List<Service> services = new ArrayList<>();
  private final int[] callers = new int[EDGES];
  private final int[] callees = new int[EDGES];

  /**
   * @param total records of the day, 1 or more
   */
  public GeneratedRecords(long total) {
    this.total = total;
    Random random = new Random(15);
    for (int i = 0; i < SERVICES; i++) {
      services.add(service(i, random));
    }
    List<int[]> edges = new ArrayList<>();
    for (int caller = 0; caller < SERVICES; caller++) {
      for (int i = random.nextInt(3, 13); i > 0; i--) {
        edges.add(new int[] {caller, random.nextInt(SERVICES)});
      }
    }
    // An edge is drawn the less often, the further behind it comes.
    for (int i = 0; i < EDGES; i++) {
      int[] edge = edges.get((int) (edges.size() * Math.pow(random.nextDouble(), 2.2)));
      callers[i] = edge[0];
      callees[i] = edge[1];
    }
  }

  private static Service service(int number, Random random) {
    String name = NAMES[number % NAMES.length] + "-" + number;
    String namespace = "team-" + number % NAMESPACES;
    List<String> routes = new ArrayList<>();
    List<String> paths = new ArrayList<>();
    for (int i = random.nextInt(2, 7); i > 0; i--) {
      String resource = RESOURCES[random.nextInt(RESOURCES.length)];
      routes.add("gateway.networking.k8s.io/httproute/" + name + "-" + resource);
      paths.add("/api/v1/" + resource);
    }
    List<Pod> pods = new ArrayList<>();
    for (int i = random.nextInt(2, 9); i > 0; i--) {
      pods.add(
          new Pod(
              "%s/%s-%08x".formatted(namespace, name, random.nextInt()),
              "10.%d.%d.%d".formatted(number % 4, random.nextInt(256), random.nextInt(1, 255)),
              "%016x%016x".formatted(random.nextLong(), random.nextLong())));
    }
    return new Service(
        namespace,
        name + "." + namespace + DOMAIN,
        "policy.linkerd.io/server/" + name,
        routes,
        paths,
        "policy.linkerd.io/authorizationpolicy/" + name + "-clients",
        pods,
        number % 5 < 2,
        number % 10 == 4);
  }

  /** Number of records. */
  public long total() {
    return total;
  }

  /** Identity of a service that many records are about as a client. */
  public String busyClient() {
    return services.get(callers[0]).identity;
  }

  /** Name of a workload that many records are about. */
  public String busyWorkload() {
    return services.get(callees[0]).pods.getFirst().name;
  }

  /** The entry with a number, 0 up to the total. */
  public byte[] entry(long index) {
    return text(index).getBytes(StandardCharsets.ISO_8859_1);
  }

  private String text(long index) {
    SplittableRandom random = new SplittableRandom(index * 0x9E3779B97F4A7C15L + 15);
    int edge = random.nextInt(EDGES);
    Service client = services.get(callers[edge]);
    Service called = services.get(callees[edge]);
    Pod pod = called.pods.get(random.nextInt(called.pods.size()));
    long received = (long) ((double) index / total * DAY_MILLIS);
    long happened = Math.max(0, received - random.nextInt(400));
    StringBuilder out = new StringBuilder(900);
    boolean isAct = random.nextInt(2000) == 0;
    out.append("{\"writer\":\"")
        .append(isAct ? "linkerd-identity.linkerd" + DOMAIN : called.identity);
    out.append("\",\"journal\":\"").append(pod.journal).append("\",\"received\":\"");
    time(out, received);
    out.append("\",\"record\":{\"sequence\":").append(index + 1).append(",\"time\":\"");
    time(out, happened);
    out.append("\",");
    if (isAct) {
      out.append(
              "\"administrative\":{\"act\":\"certificate-issued\",\"actor\":\"identity\",\"subject\":\"")
          .append(client.identity)
          .append("\",\"attributes\":{\"serial\":\"")
          .append(Long.toHexString(random.nextLong()))
          .append("\"}}}}");
      return out.toString();
    }
    if (index % 5_000_000 == 4_999_999) {
      out.append("\"gap\":{\"lost\":128,\"workload\":\"").append(pod.name).append("\"}}}");
      return out.toString();
    }
    decision(out, random, client, called, pod, index);
    return out.append("}}").toString();
  }

  private void decision(
      StringBuilder out,
      SplittableRandom random,
      Service client,
      Service called,
      Pod pod,
      long index) {
    Pod from = client.pods.get(random.nextInt(client.pods.size()));
    boolean isDenied = random.nextInt(1000) < 14;
    String reason = isDenied ? DENIALS[random.nextInt(DENIALS.length)] : "authorized";
    boolean hasIdentity = !reason.equals("not-authenticated");
    field(out, "\"decision\":{\"workload\":\"", pod.name);
    field(out, ",\"server\":\"", called.server);
    if (!called.isTcp) {
      int route = (int) (called.routes.size() * Math.pow(random.nextDouble(), 2));
      boolean isRare = index % RARE == 17;
      if (!reason.equals("no-route")) {
        field(out, ",\"route\":\"", isRare ? RARE_ROUTE : called.routes.get(route));
      }
      field(out, ",\"protocol\":\"", random.nextInt(4) == 0 ? "http/1" : "http/2");
      field(out, ",\"method\":\"", random.nextInt(4) == 0 ? "POST" : "GET");
      out.append(",\"path\":\"").append(called.paths.get(route));
      if (random.nextInt(100) < 45) {
        out.append('/').append((long) (2_000_000 * Math.pow(random.nextDouble(), 3)));
      }
      out.append('"');
    } else {
      out.append(",\"protocol\":\"tcp\"");
    }
    if (hasIdentity) {
      field(out, ",\"client_identity\":\"", client.identity);
    }
    out.append(",\"client_address\":\"")
        .append(from.address)
        .append(':')
        .append(random.nextInt(32_768, 61_000));
    out.append("\",\"target_address\":\"").append(pod.address).append(":8080\"");
    field(out, ",\"verdict\":\"", isDenied ? "deny" : "allow");
    field(out, ",\"reason\":\"", reason);
    field(out, ",\"authorization\":\"", called.authorization);
    if (isDenied) {
      out.append(",\"failed_attribute\":\"identity\",\"detail\":\"wants other clients\"");
    }
    out.append(",\"policy_generation\":1795256101,\"mode\":\"enforce\"");
    if (!isDenied && called.isTried && random.nextInt(20) == 0) {
      out.append(",\"trial\":{\"verdict\":\"deny\",\"reason\":\"denied-by-policy\",")
          .append("\"authorization\":\"policy.signetmesh.io/denypolicy/no-batch\"}");
    }
    if (hasIdentity) {
      out.append(",\"tls_version\":\"TLSv1.3\",\"tls_group\":\"X25519MLKEM768\"");
    }
    out.append('}');
  }

  private static void field(StringBuilder out, String name, String value) {
    out.append(name).append(value).append('"');
  }

  private static void time(StringBuilder out, long millis) {
    out.append("2026-11-29T");
    two(out, millis / 3_600_000).append(':');
    two(out, millis / 60_000 % 60).append(':');
    two(out, millis / 1000 % 60).append('.');
    long part = millis % 1000;
    out.append((char) ('0' + part / 100));
    two(out, part % 100).append('Z');
  }

  private static StringBuilder two(StringBuilder out, long number) {
    return out.append((char) ('0' + number / 10)).append((char) ('0' + number % 10));
  }
}
