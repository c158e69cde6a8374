package io.signetmesh.cli.trust;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.LocalServer;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.AbortRotationResponse;
import io.signetmesh.v1.GetTrustRequest;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.ListLeavesRequest;
import io.signetmesh.v1.ListLeavesResponse;
import io.signetmesh.v1.ListRotationsRequest;
import io.signetmesh.v1.ListRotationsResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationsGrpc;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import io.signetmesh.v1.WaiveWorkloadsResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The operators' service on a real socket, with answers that a test prepares. */
final class FakeTrustRotations extends TrustRotationsGrpc.TrustRotationsImplBase
    implements AutoCloseable {
  final Path state;
  final List<StartRotationRequest> started = new ArrayList<>();
  final List<AbortRotationRequest> aborted = new ArrayList<>();
  final List<WaiveWorkloadsRequest> waived = new ArrayList<>();
  final List<MeshLeaf> leaves = new ArrayList<>();

  /** Whether it is of this version. */
  boolean tellsNeeds = true;

  final List<TrustRotation> history = new ArrayList<>();

  /** Answers of GetTrust; the last one stays. */
  final Deque<GetTrustResponse> trust = new ArrayDeque<>();

  /** Answer to dry runs; without it the service is not there. */
  @Nullable StartRotationResponse plan;

  /** Answer to the start, if it is another one than the plan. */
  @Nullable StartRotationResponse start;

  /** Answer to calls that change a rotation; without it there is none under way. */
  @Nullable TrustRotation changed;

  private final ControlLoops loops = ControlLoops.start(1);
  private @Nullable LocalServer server;

  FakeTrustRotations(Path state) {
    this.state = state;
    up();
  }

  synchronized void up() {
    try {
      server =
          LocalServer.start(
              LocalServer.Config.ofOperators(IdentityServer.socket(state)), loops, List.of(this));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void down() {
    LocalServer running = server;
    if (running != null) {
      running.close();
      server = null;
    }
  }

  @Override
  public synchronized void getTrust(
      GetTrustRequest request, StreamObserver<GetTrustResponse> response) {
    GetTrustResponse answer = trust.size() > 1 ? trust.poll() : trust.peek();
    answer(response, answer);
  }

  @Override
  public synchronized void startRotation(
      StartRotationRequest request, StreamObserver<StartRotationResponse> response) {
    if (!request.getDryRun()) {
      started.add(request);
    }
    answer(response, request.getDryRun() || start == null ? plan : start);
  }

  @Override
  public synchronized void abortRotation(
      AbortRotationRequest request, StreamObserver<AbortRotationResponse> response) {
    aborted.add(request);
    answer(
        response,
        changed == null ? null : AbortRotationResponse.newBuilder().setRotation(changed).build());
  }

  @Override
  public synchronized void waiveWorkloads(
      WaiveWorkloadsRequest request, StreamObserver<WaiveWorkloadsResponse> response) {
    waived.add(request);
    answer(
        response,
        changed == null ? null : WaiveWorkloadsResponse.newBuilder().setRotation(changed).build());
  }

  @Override
  public synchronized void listRotations(
      ListRotationsRequest request, StreamObserver<ListRotationsResponse> response) {
    answer(response, ListRotationsResponse.newBuilder().addAllRotations(history).build());
  }

  @Override
  public synchronized void listLeaves(
      ListLeavesRequest request, StreamObserver<ListLeavesResponse> response) {
    // In two parts, as large answers come.
    int half = leaves.size() / 2;
    response.onNext(part(leaves.subList(0, half)));
    response.onNext(part(leaves.subList(half, leaves.size())));
    response.onCompleted();
  }

  private ListLeavesResponse part(List<MeshLeaf> some) {
    return ListLeavesResponse.newBuilder().addAllLeaves(some).setTellsNeeds(tellsNeeds).build();
  }

  private static <T> void answer(StreamObserver<T> response, @Nullable T answer) {
    if (answer == null) {
      response.onError(
          Status.FAILED_PRECONDITION
              .withDescription("no rotation is under way")
              .asRuntimeException());
      return;
    }
    response.onNext(answer);
    response.onCompleted();
  }

  @Override
  public void close() {
    down();
    loops.close();
  }
}
