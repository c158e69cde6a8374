package io.signetmesh.bench.restart;

import io.signetmesh.bench.Backend;
import io.signetmesh.bench.Child;
import io.signetmesh.bench.Ports;
import io.signetmesh.bench.Protocol;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * HAProxy as Debian ships it, one thread. It is replaced as its manual recommends: the new process
 * gets the listeners over a Unix socket ({@code -x}) and has the old one finish ({@code -sf}).
 */
final class HaproxySubject implements Subject {
  static final Make MAKE =
      new Make() {
        @Override
        public String name() {
          return "haproxy";
        }

        @Override
        public Subject prepare(Backend backend, Path directory) throws IOException {
          return new HaproxySubject(backend, directory);
        }
      };

  private static final long LIMIT_SECONDS = 60;

  private final Path directory;
  private final Path config;
  private final Path socket;
  private final int port;
  private final List<Child> all = new ArrayList<>();
  private @Nullable Child running;
  private @Nullable Child replaced;

  private HaproxySubject(Backend backend, Path directory) throws IOException {
    this.directory = directory;
    this.config = directory.resolve("haproxy.cfg");
    this.socket = directory.resolve("haproxy.sock");
    this.port = Ports.free(1)[0];
    Files.writeString(
        config,
        """
        global
          nbthread 1
          maxconn 4000
          hard-stop-after 5s
          stats socket %s mode 600 level admin expose-fd listeners
        defaults
          mode http
          timeout connect 5s
          timeout client 30s
          timeout server 30s
          http-reuse always
        listen http1
          bind 127.0.0.1:%d
          server app 127.0.0.1:%d
        """
            .formatted(socket, port, backend.port(Protocol.HTTP1)),
        StandardCharsets.US_ASCII);
  }

  @Override
  public InetSocketAddress address() {
    return new InetSocketAddress("127.0.0.1", port);
  }

  @Override
  public void start() throws IOException {
    launch(List.of());
  }

  private void launch(List<String> options) throws IOException {
    List<String> command = new ArrayList<>(List.of("haproxy", "-db", "-f", config.toString()));
    command.addAll(options);
    Child started = Child.start("haproxy", command, Map.of(), directory.resolve("haproxy.log"));
    all.add(started);
    running = started;
  }

  @Override
  public void stop() throws IOException, InterruptedException {
    Child ending = process();
    ending.close();
    running = null;
  }

  @Override
  public void replace() throws IOException {
    Child before = process();
    replaced = before;
    launch(List.of("-x", socket.toString(), "-sf", String.valueOf(before.pid())));
  }

  @Override
  public void awaitReplaced() throws IOException, InterruptedException {
    Child before = replaced;
    if (before != null) {
      try {
        ProcessHandle.of(before.pid())
            .map(ProcessHandle::onExit)
            .orElseGet(() -> CompletableFuture.completedFuture(null))
            .get(LIMIT_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new IOException("the old HAProxy does not end", e);
      }
    }
  }

  private Child process() {
    Child now = running;
    if (now == null) {
      throw new IllegalStateException("HAProxy does not run");
    }
    return now;
  }

  @Override
  public void expectAlive() throws IOException {
    process().expectAlive();
  }

  @Override
  public void close() {
    all.forEach(Child::close);
  }
}
