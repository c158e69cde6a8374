package io.signetmesh.cli.trust;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.MeshLeaf;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A command that shows a plan, asks, begins a rotation and waits for its end. */
abstract class PlannedCommand extends TrustSubcommand {
  @Option(
      names = {"--plan", "--dry-run"},
      description =
          "Only show the plan: what changes, what is wrong, whom it would cut off, how long it"
              + " takes.")
  private boolean planOnly;

  @Mixin private ChangeOptions change = new ChangeOptions();
  @Mixin private WaitOptions waiting = new WaitOptions();

  PlannedCommand(TrustConsole console) {
    super(console);
  }

  final ChangeOptions change() {
    return change;
  }

  final boolean isPlan() {
    return planOnly;
  }

  final WaitOptions waiting() {
    return waiting;
  }

  @Override
  void checkUsage() throws CommandFailure {
    if (!planOnly) {
      requireConsent(change.yes());
    }
  }

  /**
   * Does all that the options ask for.
   *
   * @param request without its reason
   * @param waived DNS names of workloads that are not to be waited for
   * @return exit code
   */
  final int begin(
      TrustServer server,
      GetTrustResponse trust,
      StartRotationRequest.Builder request,
      Set<String> waived)
      throws CommandFailure, InterruptedException {
    StartRotationRequest dry = request.clone().setReason(change.reason()).setDryRun(true).build();
    StartRotationResponse plan = server.start(dry);
    List<MeshLeaf> cutOff =
        dry.getCompromised() ? server.leaves().stream().filter(this::isCutOff).toList() : List.of();
    if (!isJson()) {
      new PlanText(out(), now()).print(trust, dry, plan, cutOff);
      waived.forEach(name -> out().println("Not waited for: " + name));
    }
    boolean clean = isClean(plan);
    ObjectNode json = TrustJson.object();
    json.set("plan", new TrustJson(now()).plan(plan, clean, cutOff));
    TrustRotation rotation = null;
    int code = ExitCode.OK;
    if (!clean) {
      code = ExitCode.NEGATIVE;
    } else if (!planOnly) {
      if (!isAgreed(change.yes())) {
        return ExitCode.NEGATIVE;
      }
      StartRotationResponse started = start(server, dry);
      if (!started.hasRotation()) {
        // What was true for the plan has changed since.
        json.set("plan", new TrustJson(now()).plan(started, false, cutOff));
        if (!isJson()) {
          new PlanText(out(), now()).print(trust, dry, started, cutOff);
        }
        code = ExitCode.NEGATIVE;
      } else {
        rotation = started.getRotation();
        if (!waived.isEmpty()) {
          rotation = waive(server, rotation, waived);
        }
        out().println("rotation " + rotation.getId() + " has begun");
        if (waiting.waits()) {
          rotation = await(server, rotation.getId(), waiting.timeout());
          code = code(rotation, false);
        }
      }
    }
    if (isJson()) {
      json.put("started", rotation != null);
      json.set("rotation", rotation == null ? null : new TrustJson(now()).rotation(rotation));
      print(json);
    } else if (code == ExitCode.NEGATIVE && rotation == null) {
      out().println("nothing was started: the plan has an error");
    } else if (rotation != null && waiting.waits()) {
      report(rotation);
    } else if (rotation != null) {
      out().println("'signet trust status' and 'signet trust resume' show how far it is");
    }
    return code;
  }

  /** A rotation that has begun is not lost because nobody is to be waived any more. */
  private TrustRotation waive(TrustServer server, TrustRotation rotation, Set<String> waived)
      throws CommandFailure {
    try {
      return server.waive(waived, change.reason());
    } catch (CommandFailure e) {
      if (e.exitCode() == ExitCode.UNAVAILABLE) {
        throw e;
      }
      err().println("nobody was waived: " + e.getMessage());
      return rotation;
    }
  }

  private static StartRotationResponse start(TrustServer server, StartRotationRequest dry)
      throws CommandFailure {
    try {
      return server.start(dry.toBuilder().setDryRun(false).build());
    } catch (CommandFailure e) {
      if (e.exitCode() == ExitCode.UNAVAILABLE) {
        throw CommandFailure.unavailable(
            e.getMessage()
                + "; the rotation may have begun: look with 'signet trust status' before you try"
                + " again",
            e);
      }
      throw e;
    }
  }

  private boolean isCutOff(MeshLeaf leaf) {
    return TrustAnchors.instant(leaf.getNotAfter()).isAfter(now())
        && (leaf.getPresence() != MeshLeaf.Presence.LIVE || !leaf.getRefusal().isEmpty());
  }

  private static boolean isClean(StartRotationResponse plan) {
    return plan.getFindingsList().stream().noneMatch(TrustRotationFinding::getIsError);
  }
}
