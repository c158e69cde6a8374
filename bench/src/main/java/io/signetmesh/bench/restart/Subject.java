package io.signetmesh.bench.restart;

import io.signetmesh.bench.Backend;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/** The proxy of a server, called without TLS over HTTP/1.1; one process of it serves at a time. */
interface Subject extends AutoCloseable {
  /** Where clients call. */
  InetSocketAddress address();

  /** Starts the process, or another one after {@link #stop}; does not wait. */
  void start() throws IOException;

  /** Asks the process to end, as a supervisor does, and waits for it. */
  void stop() throws IOException, InterruptedException;

  /** Starts another process in the place of the one that runs; does not wait. */
  void replace() throws IOException;

  /** Waits until the process that was replaced has ended. */
  void awaitReplaced() throws IOException, InterruptedException;

  /** Throws when the process that should serve has ended. */
  void expectAlive() throws IOException;

  @Override
  void close();

  /** A make of proxies. */
  interface Make {
    String name();

    /** Prepares one; no proxy runs yet. */
    Subject prepare(Backend backend, Path directory) throws IOException, InterruptedException;
  }
}
