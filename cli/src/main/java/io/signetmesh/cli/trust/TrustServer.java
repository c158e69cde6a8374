package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.identity.OperatorConnection;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.GetTrustRequest;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.ListLeavesRequest;
import io.signetmesh.v1.ListLeavesResponse;
import io.signetmesh.v1.ListRotationsRequest;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationsGrpc;
import io.signetmesh.v1.TrustRotationsGrpc.TrustRotationsBlockingStub;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The operators' service for trust anchors of an identity server of this host. */
public final class TrustServer implements AutoCloseable {
  private static final int SECONDS = 30;
  private static final int MAX_ANSWER = 64 << 20;

  private final OperatorConnection connection;

  private TrustServer(OperatorConnection connection) {
    this.connection = connection;
  }

  /**
   * Opens a connection.
   *
   * @throws CommandFailure when no server runs with that state directory
   */
  public static TrustServer open(Path stateDirectory) throws CommandFailure {
    return new TrustServer(OperatorConnection.open(stateDirectory));
  }

  /** What is trusted, by whom, and how far a rotation is. */
  public GetTrustResponse trust() throws CommandFailure {
    return call(server -> server.getTrust(GetTrustRequest.getDefaultInstance()));
  }

  /** Checks or begins a rotation. */
  public StartRotationResponse start(StartRotationRequest request) throws CommandFailure {
    return call(server -> server.startRotation(request));
  }

  /** Sends the rotation under way back. */
  TrustRotation abort(String reason) throws CommandFailure {
    AbortRotationRequest request = AbortRotationRequest.newBuilder().setReason(reason).build();
    return call(server -> server.abortRotation(request)).getRotation();
  }

  /** Does not wait for workloads any more. */
  public TrustRotation waive(Collection<String> identities, String reason) throws CommandFailure {
    WaiveWorkloadsRequest request =
        WaiveWorkloadsRequest.newBuilder().addAllIdentities(identities).setReason(reason).build();
    return call(server -> server.waiveWorkloads(request)).getRotation();
  }

  /** All rotations, oldest first. */
  List<TrustRotation> history() throws CommandFailure {
    return call(server -> server.listRotations(ListRotationsRequest.getDefaultInstance()))
        .getRotationsList();
  }

  /** All leaves that may be in use. */
  public List<MeshLeaf> leaves() throws CommandFailure {
    return parts().stream().flatMap(part -> part.getLeavesList().stream()).toList();
  }

  /**
   * Which of them need which anchors.
   *
   * @throws CommandFailure when the server is of an earlier version, which does not tell that
   */
  LeafNeeds needs() throws CommandFailure {
    List<ListLeavesResponse> parts = parts();
    if (!parts.stream().allMatch(ListLeavesResponse::getTellsNeeds)) {
      throw CommandFailure.configuration(
          "the identity server does not tell which anchors are needed: expected one of this"
              + " version; nothing is proved");
    }
    return new LeafNeeds(parts.stream().flatMap(part -> part.getLeavesList().stream()).toList());
  }

  private List<ListLeavesResponse> parts() throws CommandFailure {
    return call(
        server -> {
          List<ListLeavesResponse> parts = new ArrayList<>();
          server.listLeaves(ListLeavesRequest.getDefaultInstance()).forEachRemaining(parts::add);
          return parts;
        });
  }

  private <T> T call(Function<TrustRotationsBlockingStub, T> call) throws CommandFailure {
    return connection.call(
        channel ->
            call.apply(
                TrustRotationsGrpc.newBlockingStub(channel)
                    .withMaxInboundMessageSize(MAX_ANSWER)
                    .withDeadlineAfter(SECONDS, TimeUnit.SECONDS)));
  }

  @Override
  public void close() {
    connection.close();
  }
}
