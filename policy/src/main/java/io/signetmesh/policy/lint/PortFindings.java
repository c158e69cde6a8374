package io.signetmesh.policy.lint;

import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.policy.effective.WorkloadSettings;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Rules for Servers, and for the workloads whose ports they select. */
final class PortFindings {
  private final LintContext seen;

  PortFindings(LintContext seen) {
    this.seen = seen;
  }

  void server(ServerModel server) {
    Set<ObjectRef> itself = Set.of(server.ref());
    if (server.flaw() != null) {
      seen.error(
          server,
          Rule.NOT_UNDERSTOOD,
          "spec",
          server.flaw() + "; no one is allowed on the ports that it selects",
          itself);
    }
    boolean pods = server.workloads() == ObjectRef.Kind.POD;
    String selector = pods ? "podSelector" : "externalWorkloadSelector";
    seen.selector(server, "spec." + selector, server.selector(), itself);
    NamespaceContents namespace = seen.contents(server);
    if (namespace.serves(server) || !server.selector().malformed().isEmpty()) {
      return;
    }
    if (namespace.selects(server)
        && server.port() instanceof ServerModel.Port.ByName(String name)) {
      Set<String> declared = namespace.portNames(server);
      seen.warning(
          server,
          Rule.SELECTS_NOTHING,
          "spec.port",
          "spec.port names \""
              + name
              + "\", which no selected workload declares"
              + seen.didYouMean(name, declared),
          itself);
    } else {
      seen.warning(
          server,
          Rule.SELECTS_NOTHING,
          "spec." + selector,
          "spec."
              + selector
              + " selects no "
              + (pods ? "workload" : "ExternalWorkload")
              + " of namespace "
              + server.ref().namespace(),
          itself);
    }
  }

  void annotations(WorkloadModel workload) {
    WorkloadSettings settings =
        WorkloadSettings.of(workload, seen.contents(workload).annotations, seen.config);
    for (String problem : settings.problems()) {
      seen.error(
          workload,
          Rule.BAD_ANNOTATION,
          "metadata.annotations",
          "annotation " + problem,
          Set.of(workload.ref()));
    }
  }

  void conflicts(NamespaceContents namespace) {
    record Conflict(int port, ServerModel winner, ServerModel loser) {}
    Map<Conflict, List<ObjectRef>> conflicts = new HashMap<>();
    for (WorkloadModel workload : namespace.workloads) {
      Map<Integer, ServerModel> taken = new HashMap<>();
      for (ServerModel server : namespace.selecting(workload)) {
        for (int port : NamespaceContents.ports(server, workload)) {
          ServerModel winner = taken.putIfAbsent(port, server);
          if (winner != null) {
            conflicts
                .computeIfAbsent(new Conflict(port, winner, server), key -> new ArrayList<>())
                .add(workload.ref());
          }
        }
      }
    }
    conflicts.forEach(
        (conflict, workloads) -> {
          boolean dryRun = conflict.winner().mode() == EnforcementMode.AUDIT;
          ObjectRef first = workloads.stream().min(ObjectRef::compareTo).orElseThrow();
          seen.warning(
              conflict.loser(),
              Rule.PORT_CONFLICT,
              "spec.port",
              "port "
                  + conflict.port()
                  + " of "
                  + first
                  + (workloads.size() == 1 ? "" : " (and " + (workloads.size() - 1) + " more)")
                  + (dryRun ? " would belong to " : " belongs to ")
                  + conflict.winner().ref()
                  + ", which is older or first by name"
                  + (dryRun
                      ? ", were that not in mode audit"
                      : "; this Server has no effect there"),
              Set.of(conflict.loser().ref(), conflict.winner().ref()));
        });
  }

  /**
   * Ports that are opaque to meshed clients although their Server decides by request. Such clients
   * send bytes, and the proxy sees no request.
   */
  void opaque(NamespaceContents namespace) {
    record OpaquePort(ServerModel server, int port, boolean byDefault) {}
    Map<OpaquePort, List<ObjectRef>> found = new HashMap<>();
    for (WorkloadModel workload : namespace.workloads) {
      List<ServerModel> selecting = namespace.selecting(workload);
      if (selecting.stream().noneMatch(server -> decidesByRequest(server, namespace))) {
        continue;
      }
      WorkloadSettings settings = WorkloadSettings.of(workload, namespace.annotations, seen.config);
      boolean byDefault =
          workload.annotations().opaquePorts() == null
              && namespace.annotations.opaquePorts() == null;
      for (ServerModel server : selecting) {
        for (int port : NamespaceContents.ports(server, workload)) {
          if (decidesByRequest(server, namespace) && settings.opaquePorts().contains(port)) {
            found
                .computeIfAbsent(new OpaquePort(server, port, byDefault), key -> new ArrayList<>())
                .add(workload.ref());
          }
        }
      }
    }
    found.forEach(
        (opaque, workloads) -> {
          ObjectRef first = workloads.stream().min(ObjectRef::compareTo).orElseThrow();
          seen.warning(
              opaque.server(),
              Rule.OPAQUE_PORT,
              "spec.port",
              "port "
                  + opaque.port()
                  + " of "
                  + first
                  + (workloads.size() == 1 ? "" : " (and " + (workloads.size() - 1) + " more)")
                  + " is opaque"
                  + (opaque.byDefault() ? " by default" : "")
                  + ": connections of clients of the mesh are not read as HTTP, so routes and"
                  + " limits do not hold for them; list the opaque ports without it in the"
                  + " annotation config.linkerd.io/opaque-ports of the workload",
              Set.of(opaque.server().ref()));
        });
  }

  /** Whether the Server's protocol is one of requests, or something on it is about requests. */
  private static boolean decidesByRequest(ServerModel server, NamespaceContents namespace) {
    return switch (server.protocol()) {
      case HTTP_1, HTTP_2, GRPC -> true;
      case OPAQUE, TLS -> false;
      case UNKNOWN ->
          namespace.limits.containsKey(server.ref().name())
              || namespace.attached.stream()
                  .anyMatch(route -> route.servers().contains(server.ref().name()));
    };
  }

  /** Ports that a Server in audit mode would have, and the policy that they have meanwhile. */
  void dryRun(NamespaceContents namespace) {
    record Meanwhile(ServerModel server, int port, String policy) {}
    Map<Meanwhile, List<ObjectRef>> found = new HashMap<>();
    for (WorkloadModel workload : namespace.workloads) {
      List<ServerModel> selecting = namespace.selecting(workload);
      if (selecting.stream().allMatch(server -> server.mode() == EnforcementMode.ENFORCE)) {
        continue;
      }
      Map<Integer, ServerModel> withDryRun = new HashMap<>();
      Map<Integer, ServerModel> inForce = new HashMap<>();
      for (ServerModel server : selecting) {
        for (int port : NamespaceContents.ports(server, workload)) {
          withDryRun.putIfAbsent(port, server);
          if (server.mode() == EnforcementMode.ENFORCE) {
            inForce.putIfAbsent(port, server);
          }
        }
      }
      WorkloadSettings settings = WorkloadSettings.of(workload, namespace.annotations, seen.config);
      withDryRun.forEach(
          (port, server) -> {
            if (server.mode() == EnforcementMode.AUDIT) {
              ServerModel other = inForce.get(port);
              String policy =
                  other == null
                      ? "the default policy " + settings.policyOf(port).wireName()
                      : other.ref().toString();
              found
                  .computeIfAbsent(new Meanwhile(server, port, policy), key -> new ArrayList<>())
                  .add(workload.ref());
            }
          });
    }
    found.forEach(
        (meanwhile, workloads) -> {
          ObjectRef first = workloads.stream().min(ObjectRef::compareTo).orElseThrow();
          seen.warning(
              meanwhile.server(),
              Rule.ONLY_TRIED,
              "metadata.annotations[\"" + EnforcementMode.ANNOTATION + "\"]",
              "is in mode audit: meanwhile port "
                  + meanwhile.port()
                  + " of "
                  + first
                  + (workloads.size() == 1 ? "" : " (and " + (workloads.size() - 1) + " more)")
                  + " is under "
                  + meanwhile.policy(),
              Set.of(meanwhile.server().ref()));
        });
  }
}
