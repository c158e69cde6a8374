package io.signetmesh.cli.mesh;

import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.HostWorkload;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.host.ProxyEnvironment;
import io.signetmesh.cli.process.Readiness;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.source.EmbeddedAuthority;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * Runs a mesh as processes: one for the control plane, and one per workload for its proxy. Its
 * directory contains {@code state}, {@code manifests}, and in {@code logs} and {@code audit} a file
 * per process. Closing stops the processes in reverse order and keeps the directory.
 */
public final class MeshProcesses implements AutoCloseable {
  private static final Duration TOKEN_LIFETIME = Duration.ofDays(1);
  private static final Duration READY_LIMIT = Duration.ofSeconds(60);

  private final Path directory;
  private final MeshNames names;
  private final ControlPlane controlPlane;
  private final WorkloadTokens tokens;
  private final Deque<SignetProcess> processes = new ArrayDeque<>();

  private MeshProcesses(
      Path directory, MeshNames names, ControlPlane controlPlane, WorkloadTokens tokens) {
    this.directory = directory;
    this.names = names;
    this.controlPlane = controlPlane;
    this.tokens = tokens;
  }

  /**
   * Creates the CA and the token key, so that all processes can start at the same time.
   *
   * @param directory directory of the mesh
   * @param controlPlane addresses of the control plane
   */
  public static MeshProcesses prepare(
      Path directory, MeshNames names, ControlPlane controlPlane, InstantSource clock)
      throws IOException, PkiException {
    Path state = directory.resolve("state");
    for (String name : List.of("manifests", "logs", "audit", "tokens")) {
      StateFiles.createDirectory(directory.resolve(name));
    }
    EmbeddedAuthority.open(state, names.controlPlaneNamespace(), names.trustDomain(), clock);
    WorkloadTokens tokens =
        WorkloadTokens.open(state, names.controlPlaneNamespace(), names.trustDomain(), clock);
    return new MeshProcesses(directory, names, controlPlane, tokens);
  }

  /** Directory with the manifests that the control plane reads. Edit them while it runs. */
  public Path manifests() {
    return directory.resolve("manifests");
  }

  /** The control plane's state directory. */
  public Path state() {
    return directory.resolve("state");
  }

  /** Names in the identities of the mesh. */
  public MeshNames names() {
    return names;
  }

  /** Addresses of the control plane's servers. */
  public ControlPlane controlPlane() {
    return controlPlane;
  }

  /** The trust anchors in the files of the CA, as PEM. */
  public String trustAnchors() {
    try {
      return Certificates.toPem(EmbeddedAuthority.certificates(state()).anchors());
    } catch (IOException | PkiException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The audit journal of a workload's proxy. */
  public Path journal(HostWorkload workload) {
    return directory
        .resolve("audit")
        .resolve(workload.namespace() + "." + workload.name() + ".jsonl");
  }

  /** All processes that were started and not stopped, in the order of their start. */
  public List<SignetProcess> processes() {
    return List.copyOf(processes);
  }

  /**
   * Starts {@code signet up --control-plane-only}, and does not wait until it serves.
   *
   * @param options additional options
   */
  public SignetProcess startControlPlane(String... options) throws IOException {
    return startControlPlane(Map.of(), options);
  }

  /**
   * Starts {@code signet up --control-plane-only}, and does not wait until it serves.
   *
   * @param environment additional environment variables
   * @param options additional options
   */
  public SignetProcess startControlPlane(Map<String, String> environment, String... options)
      throws IOException {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(
        List.of(
            "up",
            "--control-plane-only",
            "--manifests",
            manifests().toString(),
            "--state",
            state().toString(),
            "--identity-listen",
            ListenAddress.text(controlPlane.identity()),
            "--discovery-listen",
            ListenAddress.text(controlPlane.discovery()),
            "--policy-listen",
            ListenAddress.text(controlPlane.policy()),
            "--control-plane-namespace",
            names.controlPlaneNamespace(),
            "--trust-domain",
            names.trustDomain()));
    arguments.addAll(List.of(options));
    return start("control-plane", environment, arguments);
  }

  /**
   * Waits until all servers of the control plane accept connections.
   *
   * @throws TimeoutException when they do not in time
   * @throws IOException when the process has exited
   */
  public void awaitControlPlane(SignetProcess process)
      throws IOException, TimeoutException, InterruptedException {
    Readiness.awaitListening(process, controlPlane.identity(), READY_LIMIT);
    Readiness.awaitListening(process, controlPlane.policy(), READY_LIMIT);
    Readiness.awaitListening(process, controlPlane.discovery(), READY_LIMIT);
  }

  /**
   * Issues a token to a member of the mesh that is not a workload.
   *
   * @return the file with the token
   */
  public Path issueToken(WorkloadIdentity member) throws IOException {
    Path file = directory.resolve("tokens").resolve("member." + member.serviceAccount());
    tokens.issueTo(file, member.namespace(), member.serviceAccount(), TOKEN_LIFETIME);
    return file;
  }

  /**
   * The environment variables of a workload's proxy, with a new token.
   *
   * @throws IOException when the token cannot be written
   */
  public Map<String, String> proxyEnvironment(HostWorkload workload) throws IOException {
    Path token = directory.resolve("tokens").resolve(workload.namespace() + "." + workload.name());
    tokens.issueTo(token, workload.namespace(), workload.serviceAccount(), TOKEN_LIFETIME);
    return ProxyEnvironment.of(
        workload, names, controlPlane, trustAnchors(), token, journal(workload));
  }

  /**
   * Starts a workload's proxy, and does not wait until it serves.
   *
   * @param overrides variables that replace those of {@link #proxyEnvironment}
   */
  public SignetProcess startProxy(HostWorkload workload, Map<String, String> overrides)
      throws IOException {
    Map<String, String> environment = new HashMap<>(proxyEnvironment(workload));
    environment.putAll(overrides);
    return start("proxy." + workload.name(), environment, List.of("proxy"));
  }

  /**
   * Waits until a proxy has its certificate and accepts connections.
   *
   * @throws TimeoutException when it does not in time
   * @throws IOException when the process has exited
   */
  public void awaitProxy(SignetProcess process, HostWorkload workload)
      throws IOException, TimeoutException, InterruptedException {
    Readiness.awaitOk(process, workload.admin(), "/ready", READY_LIMIT);
  }

  /**
   * Starts another {@code signet} process, which is stopped with the mesh.
   *
   * @param name name of the process in messages, and of its log file
   * @param environment additional environment variables
   */
  public SignetProcess start(String name, Map<String, String> environment, List<String> arguments)
      throws IOException {
    Path log = directory.resolve("logs").resolve(name + ".log");
    SignetProcess process = SignetProcess.start(name, log, environment, arguments);
    processes.addLast(process);
    return process;
  }

  /** Stops one process before the others. */
  public void stop(SignetProcess process) {
    processes.remove(process);
    process.close();
  }

  @Override
  public void close() {
    List<SignetProcess> ending = new ArrayList<>(processes.reversed());
    processes.clear();
    ending.forEach(SignetProcess::terminate);
    ending.forEach(SignetProcess::close);
  }

  /** Deletes the directory. Call it when the processes have stopped. */
  public void deleteDirectory() throws IOException {
    List<Path> paths;
    try (var walk = Files.walk(directory)) {
      paths = walk.toList();
    }
    for (Path path : paths.reversed()) {
      Files.deleteIfExists(path);
    }
  }
}
