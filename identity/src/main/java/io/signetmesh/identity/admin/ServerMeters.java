package io.signetmesh.identity.admin;

import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmInfoMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.micrometer.registry.otlp.OtlpConfig;
import io.micrometer.registry.otlp.OtlpMeterRegistry;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The meters of a control-plane process. Servers add theirs to {@link #registry}. This class adds
 * those of the JVM, the process, gRPC and the control connections. {@link #text} returns all of
 * them in the Prometheus text format; with an OTLP endpoint they are also pushed there every
 * minute. No label has a value that a client chooses. Thread-safe.
 */
public final class ServerMeters implements AutoCloseable {
  private static final double NANOS = 1e9;

  /** A gauge may not end as the count of a histogram does. */
  private static final MeterFilter RENAMED =
      new MeterFilter() {
        @Override
        public Meter.Id map(Meter.Id id) {
          return id.getName().equals("system.cpu.count") ? id.withName("system.cpus") : id;
        }
      };

  private final MeterRegistry registry;
  private final @Nullable PrometheusRegistry prometheus;
  private final @Nullable CallMeters calls;
  private final List<AutoCloseable> parts = new ArrayList<>();

  private ServerMeters(
      MeterRegistry registry, @Nullable PrometheusRegistry prometheus, @Nullable CallMeters calls) {
    this.registry = registry;
    this.prometheus = prometheus;
    this.calls = calls;
  }

  /** Meters without any output, for processes without metrics. */
  public static ServerMeters none() {
    return new ServerMeters(new CompositeMeterRegistry(), null, null);
  }

  /**
   * Starts with the meters of the JVM, of the process and of its control connections.
   *
   * @param service {@code service.name} of the process in OTLP
   * @param load current load of all servers of the process
   * @param otlp OTLP/HTTP endpoint of an OpenTelemetry collector, e.g. {@code
   *     http://127.0.0.1:4318/v1/metrics}; null for none
   */
  public static ServerMeters start(
      String service, Supplier<ControlLoops.Load> load, @Nullable URI otlp) {
    CompositeMeterRegistry registry = new CompositeMeterRegistry();
    registry
        .config()
        // In nanoseconds; the meter below says it in seconds, as Prometheus names it.
        .meterFilter(MeterFilter.denyNameStartsWith("process.cpu.time"))
        // The rest is what promtool's lint asks for.
        .meterFilter(MeterFilter.renameTag("grpc.server", "methodType", "method_type"))
        .meterFilter(MeterFilter.renameTag("grpc.server", "statusCode", "status_code"))
        .meterFilter(RENAMED);
    PrometheusRegistry prometheus = new PrometheusRegistry();
    registry.add(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, Clock.SYSTEM));
    if (otlp != null) {
      registry.add(new OtlpMeterRegistry(new Otlp(service, otlp), Clock.SYSTEM));
    }
    ServerMeters meters = new ServerMeters(registry, prometheus, new CallMeters(registry));
    meters.bindProcess();
    meters.bindLoad(load);
    return meters;
  }

  /** The registry that servers add their meters to. */
  public MeterRegistry registry() {
    return registry;
  }

  /**
   * Adds series whose labels change from one scrape to the next. They appear only in the Prometheus
   * text format.
   *
   * @param collector called at each scrape, on the thread of the admin server
   */
  public void collect(MultiCollector collector) {
    if (prometheus != null) {
      prometheus.register(collector);
    }
  }

  /** Wraps services so that their calls are counted and timed. */
  public List<BindableService> metered(List<? extends BindableService> services) {
    if (calls == null) {
      return List.copyOf(services);
    }
    List<BindableService> metered = new ArrayList<>();
    for (BindableService service : services) {
      calls.register(service);
      metered.add(() -> ServerInterceptors.intercept(service, calls));
    }
    return metered;
  }

  /**
   * Adds the time to expiry of a server's own leaf and of the trust anchors that it uses.
   *
   * @param server value of the label {@code server}
   * @param security transport security of the server; cleartext has no certificates
   */
  public void certificates(String server, Security security) {
    if (security instanceof Security.MutualTls mutual) {
      certificates(server, mutual.credentials(), mutual.clock());
    }
  }

  /**
   * Adds the time to expiry of a server's own leaf and of the trust anchors that it uses.
   *
   * @param server value of the label {@code server}
   * @param credentials gives the newest credentials; called at each scrape
   */
  public void certificates(String server, Supplier<Credentials> credentials, InstantSource clock) {
    CertificateMeters.bind(
        registry, server, "leaf", () -> credentials.get().certificate().notAfter(), clock);
    CertificateMeters.bind(
        registry,
        server,
        "trust_anchor",
        () -> CertificateMeters.earliest(credentials.get().trust().anchors()),
        clock);
  }

  /** All meters in the Prometheus text format. */
  public String text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      write(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Writes all meters in the Prometheus text format, version 0.0.4. */
  void write(OutputStream out) throws IOException {
    if (prometheus != null) {
      PrometheusTextFormatWriter.create()
          .write(out, prometheus.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
    }
  }

  /** Pushes the metrics to OTLP a last time and stops. */
  @Override
  public void close() {
    for (AutoCloseable part : parts) {
      try {
        part.close();
      } catch (Exception e) {
        throw new IllegalStateException("meters cannot be closed", e);
      }
    }
    registry.close();
  }

  private void bindProcess() {
    JvmGcMetrics collections = new JvmGcMetrics();
    parts.add(collections);
    List<MeterBinder> binders =
        List.of(
            new JvmInfoMetrics(),
            new JvmMemoryMetrics(),
            collections,
            new JvmThreadMetrics(),
            new ClassLoaderMetrics(),
            new ProcessorMetrics(),
            new FileDescriptorMetrics(),
            new UptimeMetrics());
    binders.forEach(binder -> binder.bindTo(registry));
    if (ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean system) {
      FunctionCounter.builder("process.cpu", system, os -> os.getProcessCpuTime() / NANOS)
          .baseUnit("seconds")
          .description("CPU time that the process has used.")
          .register(registry);
    }
  }

  private void bindLoad(Supplier<ControlLoops.Load> load) {
    // The registry holds what it reads from weakly.
    parts.add(new Held(load));
    Gauge.builder("signet.control.connections", () -> load.get().connections())
        .description("TLS connections of the servers of this process.")
        .register(registry);
    FunctionCounter.builder(
            "signet.control.refused.connections", load, now -> now.get().refusedConnections())
        .description("Connections that the servers of this process refused.")
        .register(registry);
    String bytes =
        "Memory that calls hold: open ones, requests that are not complete, answers that are not"
            + " read.";
    Gauge.builder("signet.control.call.bytes", () -> load.get().identifiedBytes())
        .tag("client", "identified")
        .description(bytes)
        .register(registry);
    Gauge.builder("signet.control.call.bytes", () -> load.get().anonymousBytes())
        .tag("client", "anonymous")
        .description(bytes)
        .register(registry);
    for (String bound : load.get().refusedCalls().keySet()) {
      FunctionCounter.builder(
              "signet.control.refused.calls",
              load,
              now -> now.get().refusedCalls().getOrDefault(bound, 0L))
          .tag("bound", bound)
          .description("Calls that the servers of this process refused, by the bound that was hit.")
          .register(registry);
    }
    for (String reason : load.get().cutConnections().keySet()) {
      FunctionCounter.builder(
              "signet.control.cut.connections",
              load,
              now -> now.get().cutConnections().getOrDefault(reason, 0L))
          .tag("reason", reason)
          .description("Connections cut because the trust in the caller's certificate ended.")
          .register(registry);
    }
  }

  /** Keeps something reachable as long as the meters are. */
  private record Held(Object kept) implements AutoCloseable {
    @Override
    public void close() {}
  }

  /** Settings of the push; {@code OTEL_EXPORTER_OTLP_HEADERS} adds headers, as everywhere. */
  private record Otlp(String service, URI endpoint) implements OtlpConfig {
    @Override
    public @Nullable String get(String key) {
      return null;
    }

    @Override
    public String url() {
      return endpoint.toString();
    }

    @Override
    public Map<String, String> resourceAttributes() {
      Map<String, String> attributes = new LinkedHashMap<>(OtlpConfig.super.resourceAttributes());
      attributes.putIfAbsent("service.name", service);
      return attributes;
    }
  }
}
