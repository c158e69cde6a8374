package io.signetmesh.cli.revocation;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.identity.AdminSocket;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.GetRevocationAdoptionRequest;
import io.signetmesh.v1.GetRevocationAdoptionResponse;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.ReportingWorkload;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Which workloads have a revocation list in force. */
final class RevocationProgress {
  private static final long PAUSE_MILLIS = 50;
  private static final int CALL_SECONDS = 30;

  private final GetRevocationAdoptionResponse answer;

  private RevocationProgress(GetRevocationAdoptionResponse answer) {
    this.answer = answer;
  }

  /**
   * Asks until the list is in force at all workloads that are connected, or the time is over.
   *
   * @param number CRL number of the list; 0 for the newest
   * @param limit zero to ask once
   */
  static RevocationProgress await(AdminSocket socket, long number, Duration limit)
      throws CommandFailure {
    return socket.call(
        server -> {
          long end = System.nanoTime() + limit.toNanos();
          while (true) {
            RevocationProgress now = ask(server, number);
            if (now.isInForce() || System.nanoTime() - end >= 0) {
              return now;
            }
            pause();
          }
        });
  }

  private static RevocationProgress ask(
      IdentityAdminGrpc.IdentityAdminBlockingStub server, long number) {
    return new RevocationProgress(
        server
            .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
            .getRevocationAdoption(
                GetRevocationAdoptionRequest.newBuilder().setNumber(number).build()));
  }

  private static void pause() throws CommandFailure {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandFailure.unavailable("interrupted while waiting for workloads", e);
    }
  }

  /** Whether all workloads that are connected have the list in force. */
  boolean isInForce() {
    return answer.getInForce() >= answer.getConnected();
  }

  void print(PlainWriter out) {
    out.println(
        "in force: "
            + answer.getInForce()
            + " of "
            + answer.getConnected()
            + " connected workloads");
    print("not in force yet:", answer.getBehindList(), out);
    left(answer.getConnected() - answer.getInForce() - answer.getBehindCount(), out);
    print("not connected, so not known:", answer.getAbsentList(), out);
    left(answer.getAbsentTotal() - answer.getAbsentCount(), out);
  }

  private static void print(String title, List<ReportingWorkload> workloads, PlainWriter out) {
    if (workloads.isEmpty()) {
      return;
    }
    out.println(title);
    TextTable table = new TextTable("IDENTITY", "ADDRESS", "CRL", "REPORTED", "REFUSAL");
    for (ReportingWorkload workload : workloads) {
      table.row(
          List.of(
              workload.getIdentity(),
              workload.getAddress(),
              workload.getNumber() == 0 ? "none" : Long.toString(workload.getNumber()),
              IdentityRevokeCommand.time(workload.getReportedAt()),
              workload.getRefusal().isEmpty() ? "-" : workload.getRefusal()));
    }
    table.print(out);
  }

  private static void left(int more, PlainWriter out) {
    if (more > 0) {
      out.println("… and " + more + " more");
    }
  }

  void addTo(ObjectNode node) {
    node.put("number", answer.getNumber())
        .put("connected", answer.getConnected())
        .put("inForce", answer.getInForce())
        .put("absentTotal", answer.getAbsentTotal());
    add(answer.getBehindList(), node.putArray("behind"));
    add(answer.getAbsentList(), node.putArray("absent"));
  }

  private static void add(List<ReportingWorkload> workloads, ArrayNode array) {
    for (ReportingWorkload workload : workloads) {
      ObjectNode node =
          array
              .addObject()
              .put("identity", workload.getIdentity())
              .put("address", workload.getAddress())
              .put("number", workload.getNumber())
              .put("reportedAt", IdentityRevokeCommand.time(workload.getReportedAt()));
      if (!workload.getRefusal().isEmpty()) {
        node.put("refusal", workload.getRefusal());
      }
    }
  }
}
