package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.audit.delivery.Deliveries;
import io.signetmesh.audit.delivery.JournalDelivery;
import io.signetmesh.identity.workload.IdentityMetrics;
import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.ProcessMemory;
import io.signetmesh.proxy.metrics.BalancerMetrics;
import io.signetmesh.proxy.metrics.BuildInfo;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.InboundHttpMetrics;
import io.signetmesh.proxy.metrics.OutboundHttpMetrics;
import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.PolicyResource;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.metrics.RequestMetrics;
import io.signetmesh.proxy.metrics.ResponseClass;
import io.signetmesh.proxy.metrics.RuntimeMetrics;
import io.signetmesh.proxy.metrics.TlsStatus;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.rego.RegoRequest;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import io.signetmesh.proxy.worker.FairWorkers;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.RegoBundle;
import io.signetmesh.v1.TokenLocation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * docs/proxy-metrics.md has the metrics that a proxy exposes, with their types and labels, and no
 * others. What a proxy exposes is an exposition of its real registry, in which everything has been
 * counted once. The names in the sources tell whether really everything has.
 */
final class ProxyMetricsDocTest {
  /** {@code - `name` (type; labels): meaning}, once its lines are joined. */
  private static final Pattern METRIC =
      Pattern.compile("^- `([a-z0-9_]+)` \\((counter|gauge|histogram); ([^)]+)\\): ");

  /** {@code - *group*: `label`, `label`. meaning}. */
  private static final Pattern GROUP =
      Pattern.compile("^- \\*([a-z]+)\\*: ((?:`[a-z0-9_*]+`,? ?)+)");

  private static final Pattern WORD = Pattern.compile("`([a-z0-9_*]+)`|\\*([a-z]+)\\*");
  private static final Pattern NAME_LIKE =
      Pattern.compile(
          "`((?:signet|inbound|outbound|control|process|request|response|tcp|proxy)_[a-z0-9_]+)");

  private static final Pattern TYPE = Pattern.compile("^# TYPE (\\S+) (\\S+)$");
  private static final Pattern SAMPLE = Pattern.compile("^([a-z0-9_]+)(?:\\{(.*)})? \\S+$");
  private static final Pattern LABEL = Pattern.compile("(?:^|,)([a-zA-Z0-9_]+)=\"");

  /**
   * {@code registry.counter("name"}, or with a prefix {@code registry.counter(prefix + "_name"}.
   */
  private static final Pattern REGISTERED =
      Pattern.compile(
          "(?<!\\w)(?:registry\\.)?(?:counter|gauge|histogram|value|collector)\\(\\s*(?:registry,\\s*)?"
              + "(prefix \\+ )?\"([a-z0-9_]+)\"");

  private static final Pattern PREFIX =
      Pattern.compile("Families\\.of\\(registry, \"([a-z0-9_]+)\"");

  private static final InetSocketAddress TARGET = new InetSocketAddress("10.0.0.7", 8080);
  private static final ResourceRef WEB =
      new ResourceRef("policy.linkerd.io", "authorizationpolicy", "web-clients");
  private static final Decision ALLOWED = new Decision(true, Reason.AUTHORIZED, WEB, null, null);
  private static final Decision DENIED =
      new Decision(false, Reason.IDENTITY_MISMATCH, null, "identity", "someone else");
  private static final Decision LIMITED =
      new Decision(
          false,
          Reason.RATE_LIMITED,
          new ResourceRef("policy.linkerd.io", "httplocalratelimitpolicy", "web"),
          "total-rate",
          null);

  private record Metric(String type, Set<String> labels, Set<String> groups) {}

  private record WebRoute() implements Route {
    @Override
    public ResourceRef ref() {
      return new ResourceRef("policy.linkerd.io", "HTTPRoute", "web");
    }

    @Override
    public List<Filter> filters() {
      return List.of();
    }
  }

  private final Map<String, Metric> documented = new TreeMap<>();
  private final Map<String, Set<String>> groups = new TreeMap<>();
  private final String page;

  ProxyMetricsDocTest() throws IOException {
    page = Repository.text("docs/proxy-metrics.md");
    // Lines that go on are indented.
    for (String item : page.replaceAll("\n +(?!- )", " ").lines().toList()) {
      GROUP.matcher(item).results().forEach(group -> groups.put(text(group, 1), codes(group, 2)));
      METRIC
          .matcher(item)
          .results()
          .forEach(
              metric ->
                  documented.put(
                      text(metric, 1),
                      new Metric(text(metric, 2), codes(metric, 3), names(metric, 3))));
    }
  }

  private static String text(MatchResult match, int group) {
    return Objects.requireNonNull(match.group(group));
  }

  private static Set<String> codes(MatchResult match, int group) {
    return words(text(match, group), 1);
  }

  private static Set<String> names(MatchResult match, int group) {
    return words(text(match, group), 2);
  }

  private static Set<String> words(String text, int group) {
    return WORD.matcher(text)
        .results()
        .map(word -> word.group(group))
        .filter(Objects::nonNull)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void namesEachMetricOfTheProxyAndNoOther(@TempDir Path directory) throws Exception {
    assertThat(documented.keySet())
        .isEqualTo(types(exposition(directory)).keySet())
        .isEqualTo(registered());
  }

  @Test
  void namesNoMetricInPassingThatTheProxyDoesNotHave() throws Exception {
    Set<String> labels =
        Stream.concat(groups.values().stream(), documented.values().stream().map(Metric::labels))
            .flatMap(Set::stream)
            .collect(Collectors.toSet());
    assertThat(NAME_LIKE.matcher(page).results().map(name -> text(name, 1)))
        .isNotEmpty()
        .allSatisfy(
            name -> assertThat(labels.contains(name) || documented.containsKey(name)).isTrue());
  }

  @Test
  void statesTheTypeOfEachMetric(@TempDir Path directory) throws Exception {
    Map<String, String> stated = new TreeMap<>();
    documented.forEach((name, metric) -> stated.put(name, metric.type()));
    assertThat(stated).isEqualTo(types(exposition(directory)));
  }

  @Test
  void statesTheLabelsOfEachMetric(@TempDir Path directory) throws Exception {
    Map<String, Set<String>> exposed = labels(exposition(directory));
    documented.forEach(
        (name, metric) -> {
          assertThat(exposed).containsKey(name);
          Set<String> left = new TreeSet<>(exposed.getOrDefault(name, Set.of()));
          assertThat(left).as(name).containsAll(metric.labels());
          left.removeAll(metric.labels());
          for (String group : metric.groups()) {
            assertThat(groups).as(name).containsKey(group);
            assertThat(left.removeAll(groups.get(group))).as("%s has %s", name, group).isTrue();
          }
          assertThat(left).as("labels of %s that the page does not have", name).isEmpty();
        });
  }

  /** The names that the sources of the proxy register. */
  private static Set<String> registered() throws IOException {
    Set<String> names = new TreeSet<>();
    for (Path file : Repository.files(Repository.path("proxy/src/main/java"), ".java")) {
      String source = Files.readString(file);
      if (!source.contains("MetricsRegistry")) {
        continue;
      }
      for (MatchResult call : REGISTERED.matcher(source).results().toList()) {
        String name = text(call, 2);
        if (call.group(1) == null) {
          names.add(name);
          continue;
        }
        Repository.classes("main").values().stream()
            .flatMap(other -> PREFIX.matcher(other).results())
            .forEach(prefix -> names.add(text(prefix, 1) + name));
      }
    }
    return names;
  }

  private static Map<String, String> types(String exposition) {
    Map<String, String> types = new TreeMap<>();
    exposition
        .lines()
        .flatMap(line -> TYPE.matcher(line).results())
        .forEach(type -> types.put(text(type, 1), text(type, 2)));
    return types;
  }

  private static Map<String, Set<String>> labels(String exposition) {
    Map<String, Set<String>> labels = new TreeMap<>();
    types(exposition).keySet().forEach(name -> labels.put(name, new TreeSet<>()));
    for (MatchResult sample :
        exposition.lines().flatMap(line -> SAMPLE.matcher(line).results()).toList()) {
      String series = text(sample, 1);
      String name =
          labels.containsKey(series) ? series : series.replaceFirst("_(bucket|count|sum)$", "");
      String pairs = sample.group(2) == null ? "" : sample.group(2);
      LABEL
          .matcher(pairs)
          .results()
          .map(label -> text(label, 1))
          .filter(label -> !label.equals("le"))
          .map(label -> label.startsWith("dst_") ? "dst_*" : label)
          .forEach(Objects.requireNonNull(labels.get(name), series)::add);
    }
    return labels;
  }

  // ---- a proxy's registry in which everything has been counted

  private static String exposition(Path directory) throws Exception {
    MetricsRegistry registry = new MetricsRegistry(Duration.ofMinutes(10));
    ProxyMetrics metrics = new ProxyMetrics(registry);
    ServerPolicy policy = policy();
    count(metrics, policy, new TlsStatus.FromClient("client"));
    count(metrics, policy, TlsStatus.Opaque.OPAQUE);
    count(metrics, policy, TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE);
    call(metrics, new TlsTarget("sni", "web"));
    balance(metrics);
    token(registry);
    rego(registry);
    RuntimeMetrics.exposePolicies(
        registry, () -> List.of(new PolicyInForce(8080, "policy.linkerd.io/server/web", 1)));
    RuntimeMetrics.exposeIdentity(
        registry, () -> new IdentityMetrics(Instant.EPOCH, Instant.EPOCH, 1, 0, 0, 0));
    RuntimeMetrics.exposeTransport(registry, "nio", 1);
    RuntimeMetrics.exposeProcess(registry, new BuildInfo("", "", "release", "signetmesh", "1"));
    try (Journal journal =
            Journal.open(
                new JournalConfig(directory.resolve("audit.jsonl"), 16, 1 << 20, 1, false),
                InstantSource.system());
        ProxyLoops loops = new ProxyLoops(IoTransport.NIO, 1);
        ByteArrayOutputStream out = new ByteArrayOutputStream()) {
      RuntimeMetrics.exposeAudit(registry, journal);
      RuntimeMetrics.exposeDelivery(registry, delivery(journal));
      RuntimeMetrics.exposeMemory(registry, new ProcessMemory(MemoryLimits.ofProcess()));
      loops.expose(registry);
      registry.write(out, Exposition.Format.PROMETHEUS_TEXT);
      return out.toString(StandardCharsets.UTF_8);
    }
  }

  /** A delivery that does not begin. */
  private static JournalDelivery delivery(Journal journal) {
    Channel nobody =
        new Channel() {
          @Override
          public <Q, A> ClientCall<Q, A> newCall(
              MethodDescriptor<Q, A> method, CallOptions options) {
            throw new UnsupportedOperationException();
          }

          @Override
          public String authority() {
            return "nobody";
          }
        };
    return JournalDelivery.of(
        new Deliveries(), journal, nobody, Runnable::run, new ScheduledThreadPoolExecutor(0));
  }

  /** A request that a bundle is asked about which is not there. */
  private static void rego(MetricsRegistry registry) throws Exception {
    try (FairWorkers workers = new FairWorkers("rego", 1);
        RegoChecks checks = new RegoChecks(workers, workers, new RegoMetrics(registry))) {
      RegoQuestion question =
          new RegoQuestion(
              RegoAuthentication.compile(
                  io.signetmesh.v1.RegoAuthentication.newBuilder()
                      .setName("shop/hours")
                      .setEntrypoint("mesh/allow")
                      .setBundle(RegoBundle.newBuilder().setUnavailable("none for tests"))
                      .build()),
              List.of(),
              new ResourceRef("", "default", "deny"));
      checks.answer(
          new RegoRequest(
              0,
              8080,
              new RegoInput.Head("GET", "http", "web", "/", "", List.of()),
              RegoRequest.Claims.NONE,
              0,
              0),
          new Client(TARGET.getAddress(), false, null),
          client -> Objects.requireNonNull(client.proofs()).rego().isEmpty() ? question : null);
    }
  }

  /** A request without token, where one is asked for. */
  private static void token(MetricsRegistry registry) throws Exception {
    try (FairWorkers workers = new FairWorkers("token", 1);
        TokenChecks checks =
            new TokenChecks(
                workers, InstantSource.system(), (name, key) -> {}, new TokenMetrics(registry))) {
      TokenAuthentication authentication =
          TokenAuthentication.compile(
              JwtAuthentication.newBuilder()
                  .setName("shop/users")
                  .setIssuer("https://login.test")
                  .setAnyAudience(true)
                  .addAlgorithms("ES256")
                  .addLocations(TokenLocation.newBuilder().setCookie("session"))
                  .setBoundTo(JwtAuthentication.Binding.BINDING_NONE)
                  .build());
      HeadFields head =
          new HeadFields() {
            @Override
            public Iterable<? extends CharSequence> values(String lowerCaseName) {
              return List.of();
            }

            @Override
            public CharSequence path() {
              return "/";
            }

            @Override
            public CharSequence method() {
              return "GET";
            }
          };
      Client client = new Client(TARGET.getAddress(), false, null);
      checks.count(
          checks.answer(
              checks.question(
                  List.of(authentication), List.of(), head, "", client, checks.now(), null)));
    }
  }

  private static ServerPolicy policy() {
    Resource web =
        Resource.newBuilder()
            .setGroup("policy.linkerd.io")
            .setKind("server")
            .setName("web")
            .build();
    Server.Builder server =
        Server.newBuilder()
            .putLabels("group", web.getGroup())
            .putLabels("kind", web.getKind())
            .putLabels("name", web.getName());
    server
        .getProtocolBuilder()
        .getHttp1Builder()
        .addRoutesBuilder()
        .setMetadata(Metadata.newBuilder().setResource(web));
    return new PolicyCompiler(false, System::nanoTime).compile(server.build());
  }

  private static void count(ProxyMetrics metrics, ServerPolicy policy, TlsStatus tls) {
    metrics.inboundAccepted(TARGET, tls, policy).closed(null);
    metrics.inboundConnected(TARGET).closed(null);
    metrics.inboundTcpAllowed(TARGET, tls, policy, ALLOWED);
    metrics.inboundTcpDenied(TARGET, tls, policy);
    metrics.peerLost("inbound", Reason.PEER_REVOKED);
    metrics.inboundTcpTerminated(TARGET, tls, policy, ALLOWED);
    metrics.inboundTcpTried(TARGET, policy, false, ALLOWED);
    metrics.inboundTcpFailed(TARGET, ProxyError.IO);
    metrics.inboundDetected(policy, 8080, HttpDetection.HTTP1, 1);
    metrics.inboundTransportHeader("http/2", 8080, "client");
    InboundHttpMetrics http = metrics.inboundHttp(TARGET, tls);
    RequestMetrics request = http.authorized(policy, new WebRoute(), ALLOWED);
    request.requestStarted();
    request.responded(200, ResponseClass.NO_GRPC_STATUS, 1);
    http.denied(policy, new WebRoute(), DENIED);
    http.denied(policy, new WebRoute(), LIMITED);
    http.routeNotFound(policy);
    http.unsafePath(policy);
    http.tunnel(policy);
    http.tried(policy, false, ALLOWED);
    http.exhausted();
    http.failed(policy, ProxyError.IO);
  }

  private static void call(ProxyMetrics metrics, TlsTarget tls) {
    Endpoint endpoint =
        new Endpoint(TARGET, tls, Endpoint.Hint.HTTP2, 4143, null, Map.of("pod", "web-1"));
    metrics.outboundAccepted(TARGET).closed(null);
    metrics.outboundConnected(endpoint).closed(null);
    metrics.outboundTcpFailed(TARGET, ProxyError.IO);
    OutboundHttpMetrics http = metrics.outboundHttp("web.shop.svc.cluster.local:80");
    RequestMetrics request = http.to(endpoint);
    request.requestStarted();
    request.responded(200, 0, 1);
    http.failed(ProxyError.FAILFAST);
  }

  private static void balance(ProxyMetrics metrics) {
    PolicyResource service = new PolicyResource("core", "Service", "shop", "web", 80, "");
    for (BalancerMetrics balancer :
        List.of(
            metrics.httpBalancer(service, service),
            metrics.tcpBalancer(service, service, "web:80", "web:80"))) {
      balancer.queued();
      balancer.dequeued(1);
    }
  }
}
