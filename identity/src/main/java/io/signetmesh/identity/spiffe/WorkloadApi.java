package io.signetmesh.identity.spiffe;

import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.LocalServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The SPIFFE Workload API of this host, on a Unix socket that every process may open. The kernel's
 * information about the calling process decides which identities it gets.
 */
public final class WorkloadApi implements AutoCloseable {
  private static final int WORKERS = 2;
  private static final int MAX_CONNECTIONS = 4_096;
  private static final int MAX_CONNECTIONS_OF_USER = 512;

  /** Three streams and some calls are what a workload has. */
  private static final int MAX_CALLS_PER_CONNECTION = 32;

  /** A token to validate is the largest request. */
  private static final int MAX_REQUEST_BYTES = 32 * 1024;

  private static final int MAX_STREAMS = 8_192;
  private static final int MAX_STREAMS_OF_USER = 1_024;

  private final LocalServer server;
  private final ExecutorService executor;

  private WorkloadApi(LocalServer server, ExecutorService executor) {
    this.server = server;
    this.executor = executor;
  }

  /**
   * Binds and serves. The socket has mode 0777, because attestation protects the identities.
   *
   * @param identities remain the caller's to close
   * @throws java.net.BindException when a running agent has the socket
   * @throws IOException when the socket cannot be created, or other users could replace it
   */
  public static WorkloadApi start(
      Path socket,
      AgentIdentities identities,
      ControlLoops loops,
      AuditLog audit,
      ServerMeters meters,
      InstantSource clock)
      throws IOException {
    SocketDirectory.require(socket);
    Executables executables = new Executables(Path.of("/proc"));
    StreamBudget streams = new StreamBudget(MAX_STREAMS_OF_USER, MAX_STREAMS);
    WorkloadApiMeters own =
        new WorkloadApiMeters(meters.registry(), identities, streams, executables);
    // Callers may wait for their executables. How many do is bounded by their calls and streams.
    ExecutorService executor =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("workload-api-", 0).factory());
    BindableService service =
        new WorkloadApiService(
            identities,
            new CallerAttestor(identities, executables, audit, own, clock),
            streams,
            executor,
            clock);
    try {
      LocalServer server =
          LocalServer.start(
              new LocalServer.Config(
                  socket,
                  "rwxrwxrwx",
                  peer -> true,
                  WORKERS,
                  MAX_CONNECTIONS,
                  MAX_CONNECTIONS_OF_USER,
                  MAX_CALLS_PER_CONNECTION,
                  MAX_REQUEST_BYTES,
                  true),
              loops,
              List.of(
                  () ->
                      ServerInterceptors.intercept(
                          meters.metered(List.of(service)).getFirst(), new SecurityHeader())));
      return new WorkloadApi(server, executor);
    } catch (IOException | RuntimeException e) {
      executor.shutdownNow();
      throw e;
    }
  }

  /** Path of the socket. */
  public Path socket() {
    return server.path();
  }

  /** Removes the socket and ends all streams. */
  @Override
  public void close() {
    server.close();
    executor.shutdownNow();
  }
}
