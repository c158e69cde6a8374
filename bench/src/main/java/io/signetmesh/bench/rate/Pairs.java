package io.signetmesh.bench.rate;

import io.signetmesh.bench.Backend;
import io.signetmesh.bench.FirstAnswer;
import io.signetmesh.bench.HaproxySystem;
import io.signetmesh.bench.Protocol;
import io.signetmesh.bench.ProxyPair;
import io.signetmesh.bench.ProxySystem;
import io.signetmesh.bench.SignetSystem;
import io.signetmesh.bench.Tool;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A pair of proxies of each make, up at the same time in front of one backend. */
final class Pairs implements AutoCloseable {
  private final Backend backend;
  private final Map<String, ProxyPair> pairs = new LinkedHashMap<>();

  private Pairs(Backend backend) {
    this.backend = backend;
  }

  /**
   * The makes that are called for.
   *
   * @param names of makes; null for all
   * @return null when a name is unknown, which is printed
   */
  static @Nullable List<ProxySystem> choose(@Nullable List<String> names, PrintStream err) {
    List<ProxySystem> all = List.of(new SignetSystem(), new HaproxySystem());
    if (names == null) {
      return all;
    }
    List<ProxySystem> chosen =
        all.stream().filter(system -> names.contains(system.name())).toList();
    if (chosen.size() != names.size()) {
      err.println(
          "bench: --system " + String.join(",", names) + ": expected signet or haproxy, once each");
      return null;
    }
    return chosen;
  }

  /** Whether all programs are there; prints those that are not. */
  static boolean installed(List<ProxySystem> systems, PrintStream err) {
    List<Tool> needed = new ArrayList<>(Backend.TOOLS);
    needed.add(new Tool("h2load", "nghttp2-client"));
    systems.forEach(system -> needed.addAll(system.tools()));
    List<Tool> missing = needed.stream().filter(tool -> !tool.installed()).distinct().toList();
    for (Tool tool : missing) {
      err.println(
          "bench: "
              + tool.program()
              + " is not installed (Debian package "
              + tool.debianPackage()
              + ")");
    }
    return missing.isEmpty();
  }

  /** Starts them, and waits until all answer. */
  static Pairs start(List<ProxySystem> systems, Path directory)
      throws IOException, InterruptedException {
    Pairs started = new Pairs(Backend.start(directory));
    try {
      for (ProxySystem system : systems) {
        ProxyPair pair =
            system.start(started.backend, Files.createDirectory(directory.resolve(system.name())));
        started.pairs.put(system.name(), pair);
        FirstAnswer.await(pair.entry(Protocol.HTTP1), Protocol.HTTP1, pair::expectAlive);
      }
      return started;
    } catch (IOException | InterruptedException | RuntimeException e) {
      started.close();
      throw e;
    }
  }

  /** The pairs by the names of their makes, in the order of their start. */
  Map<String, ProxyPair> all() {
    return pairs;
  }

  @Override
  public void close() {
    pairs.values().forEach(ProxyPair::close);
    backend.close();
  }
}
