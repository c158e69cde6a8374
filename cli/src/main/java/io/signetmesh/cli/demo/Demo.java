package io.signetmesh.cli.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.cli.process.SignetProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** {@code signet demo}: starts the shop, runs the demonstration and tells of it. */
public final class Demo {
  private final PrintWriter out;
  private final PrintWriter progress;
  private final Clock clock;

  /**
   * Prepares a demo.
   *
   * @param out for the report
   * @param progress for what happens meanwhile
   */
  public Demo(PrintWriter out, PrintWriter progress, Clock clock) {
    this.out = out;
    this.progress = progress;
    this.clock = clock;
  }

  /** What to do with the shop when the demonstration is over. */
  @FunctionalInterface
  public interface Afterwards {
    /** Called while everything still runs. */
    void run() throws Exception;
  }

  /**
   * Runs the demo with every part in a process of its own.
   *
   * @param json whether the report is for machines
   * @param keep whether to tell what to try next, and call {@code afterwards}, before it ends
   * @return whether every verdict was the expected one; the directory with logs and records stays
   *     when one was not
   */
  public boolean run(boolean json, boolean keep, Afterwards afterwards) throws Exception {
    long began = System.nanoTime();
    Path directory = Files.createTempDirectory("signet-demo-");
    boolean good = false;
    try {
      say("Starting a control plane, five proxies and three services ...");
      try (ShopProcesses mesh = ShopProcesses.start(examples(), directory, clock)) {
        Duration start = since(began);
        say("Ready after %.1f s. Sending traffic ...".formatted(start.toMillis() / 1000.0));
        Demonstration.Outcome outcome = new Demonstration(mesh, verdict -> {}).run();
        DemoReport report =
            new DemoReport(outcome, mesh.processes(), mesh.proxies(), start, since(began));
        if (json) {
          out.println(
              new ObjectMapper()
                  .writerWithDefaultPrettyPrinter()
                  .writeValueAsString(report.json()));
        } else {
          report.print(out);
        }
        out.flush();
        good = outcome.asExpected();
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

  /** Runs the demonstration within this process, and tells nothing. */
  public boolean train() throws Exception {
    Path directory = Files.createTempDirectory("signet-train-");
    try (ShopInProcess mesh = ShopInProcess.start(examples(), directory, clock)) {
      Demonstration.Outcome outcome = new Demonstration(mesh, verdict -> {}).run();
      DemoReport report = new DemoReport(outcome, 1, 5, Duration.ZERO, Duration.ZERO);
      report.print(out);
      out.println(new ObjectMapper().writeValueAsString(report.json()));
      out.flush();
      return outcome.asExpected();
    } finally {
      delete(directory);
    }
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
            "  tail -f " + mesh.journal(Shop.Service.WEB) + "    # why",
            "  $EDITOR "
                + mesh.manifests().resolve("authentications.yaml")
                + "    # who the storefront is",
            "  " + signet + " policy status --state " + mesh.state() + "    # who enforces what",
            "  curl -s http://"
                + address(shop.admin(Shop.Service.WEB))
                + "/metrics    # metrics of the web service's proxy",
            "");
    lines.forEach(this::say);
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
