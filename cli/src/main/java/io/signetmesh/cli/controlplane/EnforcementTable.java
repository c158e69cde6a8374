package io.signetmesh.cli.controlplane;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortStatus;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;

/** Which policy object is in force at which proxies, for people and for machines. */
public final class EnforcementTable {
  private static final String POLICY_GROUP = "policy.linkerd.io";

  /** Proxies behind that one line names. */
  private static final int BEHIND_SHOWN = 5;

  private EnforcementTable() {}

  /** Whether the newest policy is in force on every port of every proxy that is connected. */
  public static boolean inForce(EnforcementStatus status) {
    return status.getPortsList().stream()
        .filter(PortStatus::getConnected)
        .allMatch(PortStatus::getInForce);
  }

  /**
   * Prints tables.
   *
   * @param allPorts whether to show ports on which all is well, too
   */
  public static void print(EnforcementStatus status, boolean allPorts, PrintWriter out) {
    long connected = status.getPortsList().stream().filter(PortStatus::getConnected).count();
    long inForce = status.getPortsList().stream().filter(PortStatus::getInForce).count();
    out.printf(
        "generation %d, in force on %d of %d ports of connected proxies%n",
        status.getCurrentGeneration(), inForce, connected);
    if (status.getInvalidManifests() > 0) {
      out.printf(
          "errors in manifests: %d; what they are about stays as it was last valid%n",
          status.getInvalidManifests());
    }
    if (status.getObjectsCount() > 0) {
      out.println();
      objects(status.getObjectsList(), out);
    }
    List<PortStatus> ports =
        status.getPortsList().stream().filter(port -> allPorts || !port.getInForce()).toList();
    if (!ports.isEmpty()) {
      out.println();
      ports(ports, out);
    }
    if (status.getFindingsCount() > 0) {
      out.println();
      status.getFindingsList().forEach(out::println);
    }
  }

  private static void objects(List<ObjectStatus> objects, PrintWriter out) {
    TextTable table = new TextTable("POLICY OBJECT", "MODE", "IN FORCE", "NEWEST", "BEHIND");
    for (ObjectStatus object : objects) {
      table.row(
          List.of(
              name(object.getObject()),
              object.getMode(),
              object.getProxiesInForce() + " of " + object.getProxies(),
              generation(object.getGeneration()),
              behind(object)));
    }
    table.print(out);
  }

  private static String name(PolicyObject object) {
    return object.getKind()
        + (object.getGroup().equals(POLICY_GROUP) ? "" : "." + object.getGroup())
        + " "
        + object.getNamespace()
        + "/"
        + object.getName();
  }

  private static String behind(ObjectStatus object) {
    int shown = Math.min(object.getBehindCount(), BEHIND_SHOWN);
    String names = String.join(", ", object.getBehindList().subList(0, shown));
    int more = object.getProxies() - object.getProxiesInForce() - shown;
    return more > 0 ? names + " and " + more + " more" : names;
  }

  private static void ports(List<PortStatus> ports, PrintWriter out) {
    TextTable table = new TextTable("WORKLOAD", "PORT", "SERVER", "NEWEST", "ENFORCED", "STATE");
    for (PortStatus port : ports) {
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
    node.put("invalidManifests", status.getInvalidManifests());
    ArrayNode objects = node.putArray("objects");
    for (ObjectStatus object : status.getObjectsList()) {
      ObjectNode entry = objects.addObject();
      entry.put("group", object.getObject().getGroup());
      entry.put("kind", object.getObject().getKind());
      entry.put("namespace", object.getObject().getNamespace());
      entry.put("name", object.getObject().getName());
      entry.put("mode", object.getMode());
      entry.put("generation", object.getGeneration());
      entry.put("proxies", object.getProxies());
      entry.put("proxiesInForce", object.getProxiesInForce());
      ArrayNode behind = entry.putArray("behind");
      object.getBehindList().forEach(behind::add);
    }
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
