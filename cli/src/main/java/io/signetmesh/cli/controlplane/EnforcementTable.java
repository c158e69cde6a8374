package io.signetmesh.cli.controlplane;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.PortStatus;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;

/** Which proxy enforces which generation, for people and for machines. */
public final class EnforcementTable {
  private EnforcementTable() {}

  /** Whether the newest policy is in force on every port of every proxy that is connected. */
  public static boolean inForce(EnforcementStatus status) {
    return status.getPortsList().stream()
        .filter(PortStatus::getConnected)
        .allMatch(PortStatus::getInForce);
  }

  /** Prints a table. */
  public static void print(EnforcementStatus status, PrintWriter out) {
    long connected = status.getPortsList().stream().filter(PortStatus::getConnected).count();
    long inForce = status.getPortsList().stream().filter(PortStatus::getInForce).count();
    out.printf(
        "generation %d, in force on %d of %d ports of connected proxies%n%n",
        status.getCurrentGeneration(), inForce, connected);
    TextTable table = new TextTable("WORKLOAD", "PORT", "SERVER", "NEWEST", "ENFORCED", "STATE");
    for (PortStatus port : status.getPortsList()) {
      table.row(
          List.of(
              port.getNamespace() + "/" + port.getName(),
              Integer.toString(port.getPort()),
              port.getServer(),
              generation(port.getGeneration()),
              generation(port.getAcknowledgedGeneration()),
              state(port)));
    }
    table.print(out);
    if (status.getFindingsCount() > 0) {
      out.println();
      status.getFindingsList().forEach(out::println);
    }
  }

  private static String generation(long generation) {
    return generation == 0 ? "-" : Long.toString(generation);
  }

  private static String state(PortStatus port) {
    if (!port.getConnected()) {
      return "not connected";
    }
    if (!port.getRefusal().isEmpty()) {
      return "refused: " + port.getRefusal();
    }
    if (port.getInForce()) {
      return "in force";
    }
    return port.getAcknowledges() ? "behind" : "does not acknowledge";
  }

  /** The same as JSON. */
  public static ObjectNode json(EnforcementStatus status) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("generation", status.getCurrentGeneration());
    node.put("inForce", inForce(status));
    ArrayNode ports = node.putArray("ports");
    for (PortStatus port : status.getPortsList()) {
      ObjectNode entry = ports.addObject();
      entry.put("namespace", port.getNamespace());
      entry.put("name", port.getName());
      entry.put("kind", port.getKind());
      entry.put("port", port.getPort());
      entry.put("server", port.getServer());
      entry.put("generation", port.getGeneration());
      entry.put("sentGeneration", port.getSentGeneration());
      entry.put("acknowledgedGeneration", port.getAcknowledgedGeneration());
      if (port.hasAcknowledgedAt()) {
        entry.put(
            "acknowledgedAt",
            Instant.ofEpochSecond(
                    port.getAcknowledgedAt().getSeconds(), port.getAcknowledgedAt().getNanos())
                .toString());
      }
      if (!port.getRefusal().isEmpty()) {
        entry.put("refusal", port.getRefusal());
      }
      entry.put("connected", port.getConnected());
      entry.put("inForce", port.getInForce());
    }
    ArrayNode findings = node.putArray("findings");
    status.getFindingsList().forEach(findings::add);
    return node;
  }
}
