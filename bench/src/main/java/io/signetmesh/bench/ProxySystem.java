package io.signetmesh.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A make of proxies. */
public interface ProxySystem {
  /** Name in the results. */
  String name();

  /** Programs that it needs, each with the Debian package that has it. */
  List<Tool> tools();

  /** What it is and how it is configured, for the heading of the result. */
  String description() throws IOException, InterruptedException;

  /** Starts a pair in front of the backend; returns without waiting until it serves. */
  ProxyPair start(Backend backend, Path directory) throws IOException, InterruptedException;
}
