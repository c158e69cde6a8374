package io.signetmesh.cli.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.channel.ControlLoops;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** {@code signet demo}: starts the shop, runs the demonstration and prints a report. */
public final class Demo {
  /** Far more than a phase of a rotation takes; on a busy host everything takes its time. */
  private static final Duration PHASE_LIMIT = Duration.ofSeconds(60);

  private final PrintWriter out;
  private final PrintWriter progress;
  private final Clock clock;

  /**
   * Creates a demo.
   *
   * @param out receives the report
   * @param progress receives progress messages
   */
  public Demo(PrintWriter out, PrintWriter progress, Clock clock) {
    this.out = out;
    this.progress = progress;
    this.clock = clock;
  }

  /** What to do with the running shop after the demonstration. */
  @FunctionalInterface
  public interface Afterwards {
    /** Called before the shop is stopped. */
    void run() throws Exception;
  }

  /**
   * Runs the demo, with every part in a process of its own.
   *
   * @param json whether the report is JSON
   * @param keep whether to print what to try next and call {@code afterwards} before the shop is
   *     stopped
   * @return whether every verdict was the expected one; if not, the directory with logs and records
   *     is kept
   */
  public boolean run(boolean json, boolean keep, Afterwards afterwards) throws Exception {
    return run(
        "Sending traffic ...",
        keep,
        afterwards,
        (mesh, start, began) -> {
          Demonstration.Outcome outcome = new Demonstration(mesh, verdict -> {}).run();
          DemoReport report =
              new DemoReport(outcome, mesh.processes(), mesh.proxies(), start, since(began));
          if (json) {
            print(report.json());
          } else {
            report.print(out);
          }
          out.flush();
          return outcome.asExpected();
        });
  }

  /**
   * Replaces the trust anchor of the running shop under traffic, with every part in a process of
   * its own.
   *
   * @param json whether the report is JSON
   * @param keep whether to print what to try next and call {@code afterwards} before the shop is
   *     stopped
   * @return whether the rotation kept all its promises; if not, the directory with logs and records
   *     is kept
   */
  public boolean rotate(boolean json, boolean keep, Afterwards afterwards) throws Exception {
    return run(
        "Replacing its trust anchor under traffic ...",
        keep,
        afterwards,
        (mesh, start, began) -> {
          RotationReport report = new RotationReport(json ? progress : out);
          RotationReport.Outcome outcome;
          try (ControlLoops loops = ControlLoops.start(1)) {
            outcome =
                new RotationDemonstration(mesh, loops, clock, PHASE_LIMIT, report::proof).run();
          }
          report.end(outcome, mesh.processes(), since(began));
          if (json) {
            print(RotationReport.json(outcome, mesh.processes(), start, since(began)));
          }
          return outcome.asExpected();
        });
  }

  /** What is shown of a running shop. */
  @FunctionalInterface
  private interface Show {
    boolean run(ShopProcesses mesh, Duration start, long began) throws Exception;
  }

  private boolean run(String what, boolean keep, Afterwards afterwards, Show show)
      throws Exception {
    long began = System.nanoTime();
    Path directory = Files.createTempDirectory("signet-demo-");
    boolean good = false;
    try {
      say("Starting a control plane, six proxies and four services ...");
      try (ShopProcesses mesh = ShopProcesses.start(examples(), directory, clock)) {
        Duration start = since(began);
        say("Ready after %.1f s. %s".formatted(start.toMillis() / 1000.0, what));
        good = show.run(mesh, start, began);
        if (keep) {
          suggest(mesh);
          afterwards.run();
        }
      }
    } finally {
      if (good) {
        delete(directory);
      } else {
        say("Logs, manifests and audit records are in " + directory);
      }
    }
    return good;
  }

  /**
   * Runs the demonstration within this process. Writes the report twice: as text and as JSON.
   *
   * @return whether every verdict was the expected one
   */
  public boolean train() throws Exception {
    Path directory = Files.createTempDirectory("signet-train-");
    try (ShopInProcess mesh = ShopInProcess.start(examples(), directory, clock)) {
      Demonstration.Outcome outcome = new Demonstration(mesh, verdict -> {}).run();
      DemoReport report = new DemoReport(outcome, 1, 6, Duration.ZERO, Duration.ZERO);
      report.print(out);
      out.println(new ObjectMapper().writeValueAsString(report.json()));
      out.flush();
      return outcome.asExpected();
    } finally {
      delete(directory);
    }
  }

  /**
   * Has a proxy in a process of its own serve for some time, and end.
   *
   * @param record file in which the launcher has the proxy's JVM record its run
   */
  public static void trainProxy(Path record, Duration length, Clock clock) throws Exception {
    Path directory = Files.createTempDirectory("signet-train-");
    try (ProxyTraining training =
        ProxyTraining.start(directory, Map.of(ProxyTraining.RECORD, record.toString()), clock)) {
      training.run(length);
      training.finish();
    } finally {
      delete(directory);
    }
  }

  private void print(ObjectNode json) throws IOException {
    out.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(json));
    out.flush();
  }

  private void suggest(ShopProcesses mesh) throws IOException {
    Shop shop = mesh.shop();
    String signet = SignetProcess.launcher().toString();
    String web = address(shop, Shop.Client.FRONTEND);
    List<String> lines =
        List.of(
            "",
            "Everything keeps running until Ctrl-C. In another terminal:",
            "",
            "  curl -i http://" + web + "/catalog    # as the frontend: 200",
            "  curl -i http://"
                + address(shop, Shop.Client.INTRUDER)
                + "/catalog    # as the intruder: 403",
            "  curl -i http://"
                + address(shop, Shop.Client.STRANGER)
                + "/catalog    # without mesh: 403",
            "  curl -i -H \"Authorization: Bearer $(curl -s "
                + tokens(shop)
                + ")\" http://"
                + address(shop.from(Shop.Client.FRONTEND, Shop.Service.ACCOUNT))
                + "/account    # as a customer of the frontend: 200",
            "  tail -f " + mesh.journal(Shop.Service.WEB) + "    # why",
            "  $EDITOR "
                + mesh.manifests().resolve("authentications.yaml")
                + "    # who the storefront is",
            "  " + signet + " policy status --state " + mesh.state() + "    # who enforces what",
            "  " + signet + " trust status --state " + mesh.state() + "    # who trusts what",
            "  curl -s http://"
                + address(shop.admin(Shop.Service.WEB))
                + "/metrics    # metrics of the web service's proxy",
            "");
    lines.forEach(this::say);
  }

  private static String tokens(Shop shop) {
    return "http://" + address(shop.issuer()) + "/token";
  }

  private static String address(Shop shop, Shop.Client client) {
    return address(shop.from(client, Shop.Service.WEB));
  }

  private static String address(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  private void say(String line) {
    progress.println(line);
    progress.flush();
  }

  /** {@code examples/quickstart} beside the launcher. */
  private static Path examples() throws IOException {
    return SignetProcess.launcher().resolveSibling("examples").resolve("quickstart");
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
