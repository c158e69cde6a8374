package io.signetmesh.cli.controlplane;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Timestamp;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.v1.BundleStatus;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.KeySetStatus;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortStatus;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Prints which policy objects which proxies enforce, as text and as JSON. */
public final class EnforcementTable {
  private static final String POLICY_GROUP = "policy.linkerd.io";

  /** Proxies behind that one line names. */
  private static final int BEHIND_SHOWN = 5;

  private EnforcementTable() {}

  /**
   * Whether all connected proxies enforce the newest policy on all ports. Objects that affect no
   * port of a connected proxy are ignored: no proxy can ever acknowledge them.
   */
  public static boolean inForce(EnforcementStatus status) {
    return status.getPortsList().stream()
        .filter(PortStatus::getConnected)
        .allMatch(PortStatus::getInForce);
  }

  /**
   * Prints tables of objects and ports.
   *
   * @param allPorts whether to include ports without problems
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
    if (status.getPolicyErrors() > 0) {
      out.printf(
          "errors in policy objects: %d; what they say is not what is done%n",
          status.getPolicyErrors());
    }
    long nowhere = status.getObjectsList().stream().filter(EnforcementTable::isNowhere).count();
    if (nowhere > 0) {
      out.printf(
          "policy objects: %d, of them in force nowhere: %d; REASON says why%n",
          status.getObjectsCount(), nowhere);
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
    if (status.getKeySetsCount() > 0) {
      out.println();
      keySets(status.getKeySetsList(), out);
    }
    if (status.getBundlesCount() > 0) {
      out.println();
      bundles(status.getBundlesList(), out);
    }
    if (status.getFindingsCount() > 0) {
      out.println();
      status.getFindingsList().forEach(out::println);
    }
  }

  private static void objects(List<ObjectStatus> objects, PrintWriter out) {
    boolean reasons = objects.stream().anyMatch(EnforcementTable::isNowhere);
    List<String> headings =
        new ArrayList<>(List.of("POLICY OBJECT", "MODE", "IN FORCE", "NEWEST", "BEHIND"));
    if (reasons) {
      headings.add("REASON");
    }
    TextTable table = new TextTable(headings.toArray(String[]::new));
    for (ObjectStatus object : objects) {
      List<String> cells =
          new ArrayList<>(
              List.of(
                  name(object.getObject()),
                  object.getMode(),
                  inForce(object),
                  generation(object.getGeneration()),
                  behind(object)));
      if (reasons) {
        cells.add(reason(object));
      }
      table.row(cells);
    }
    table.print(out);
  }

  private static void keySets(List<KeySetStatus> keySets, PrintWriter out) {
    TextTable table =
        new TextTable("KEY SET OF", "STATE", "KEYS", "FETCHED", "USED UNTIL", "FROM", "ERROR");
    for (KeySetStatus keys : keySets) {
      table.row(
          List.of(
              keys.getAuthentication(),
              keys.getState(),
              keys.getKeys()
                  + (keys.getBadKeysCount() == 0 ? "" : " (" + keys.getBadKeysCount() + " bad)"),
              keys.hasFetchedAt() ? time(keys.getFetchedAt()) : "",
              keys.hasExpiresAt() ? time(keys.getExpiresAt()) : "",
              keys.getLocation(),
              keys.getError()));
    }
    table.print(out);
  }

  private static void bundles(List<BundleStatus> bundles, PrintWriter out) {
    TextTable table =
        new TextTable("BUNDLE OF", "STATE", "BYTES", "FETCHED", "USED UNTIL", "FROM", "ERROR");
    for (BundleStatus bundle : bundles) {
      table.row(
          List.of(
              bundle.getAuthentication(),
              bundle.getState(),
              Integer.toString(bundle.getSize()),
              bundle.hasFetchedAt() ? time(bundle.getFetchedAt()) : "",
              bundle.hasExpiresAt() ? time(bundle.getExpiresAt()) : "",
              bundle.getLocation(),
              bundle.getError()));
    }
    table.print(out);
  }

  private static String time(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds()).toString();
  }

  /** Whether the object affects no port of a connected proxy. */
  private static boolean isNowhere(ObjectStatus object) {
    return switch (object.getReach()) {
      case OBJECT_REACH_NO_PROXY, OBJECT_REACH_NO_PORT -> true;
      case OBJECT_REACH_UNSPECIFIED, OBJECT_REACH_PROXIES, UNRECOGNIZED -> false;
    };
  }

  /** {@code 2 of 3} proxies; never 0 of 0, which reads as if nothing were missing. */
  private static String inForce(ObjectStatus object) {
    return switch (object.getReach()) {
      case OBJECT_REACH_NO_PROXY -> "no proxy";
      case OBJECT_REACH_NO_PORT -> "no port";
      case OBJECT_REACH_UNSPECIFIED, OBJECT_REACH_PROXIES, UNRECOGNIZED ->
          object.getProxiesInForce() + " of " + object.getProxies();
    };
  }

  private static String reason(ObjectStatus object) {
    return object.getRule().isEmpty()
        ? object.getReason()
        : object.getReason() + " (" + object.getRule() + ")";
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

  private static String state(ObjectStatus object) {
    return switch (object.getReach()) {
      case OBJECT_REACH_NO_PROXY -> "no proxy";
      case OBJECT_REACH_NO_PORT -> "no port";
      case OBJECT_REACH_UNSPECIFIED, OBJECT_REACH_PROXIES, UNRECOGNIZED ->
          object.getProxiesInForce() == object.getProxies() ? "in force" : "behind";
    };
  }

  /** The status as JSON. */
  public static ObjectNode json(EnforcementStatus status) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("generation", status.getCurrentGeneration());
    node.put("inForce", inForce(status));
    node.put("invalidManifests", status.getInvalidManifests());
    node.put("policyErrors", status.getPolicyErrors());
    ArrayNode objects = node.putArray("objects");
    for (ObjectStatus object : status.getObjectsList()) {
      ObjectNode entry = objects.addObject();
      entry.put("group", object.getObject().getGroup());
      entry.put("kind", object.getObject().getKind());
      entry.put("namespace", object.getObject().getNamespace());
      entry.put("name", object.getObject().getName());
      entry.put("mode", object.getMode());
      entry.put("generation", object.getGeneration());
      entry.put("state", state(object));
      if (!object.getReason().isEmpty()) {
        entry.put("reason", object.getReason());
      }
      if (!object.getRule().isEmpty()) {
        entry.put("rule", object.getRule());
      }
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
    ArrayNode keySets = node.putArray("keySets");
    for (KeySetStatus keys : status.getKeySetsList()) {
      ObjectNode entry = keySets.addObject();
      entry.put("authentication", keys.getAuthentication());
      entry.put("location", keys.getLocation());
      entry.put("state", keys.getState());
      entry.put("keys", keys.getKeys());
      ArrayNode bad = entry.putArray("badKeys");
      keys.getBadKeysList().forEach(bad::add);
      if (keys.hasFetchedAt()) {
        entry.put("fetchedAt", time(keys.getFetchedAt()));
      }
      if (keys.hasExpiresAt()) {
        entry.put("expiresAt", time(keys.getExpiresAt()));
      }
      if (keys.hasFailingSince()) {
        entry.put("failingSince", time(keys.getFailingSince()));
      }
      if (!keys.getError().isEmpty()) {
        entry.put("error", keys.getError());
      }
    }
    ArrayNode bundles = node.putArray("bundles");
    for (BundleStatus bundle : status.getBundlesList()) {
      ObjectNode entry = bundles.addObject();
      entry.put("authentication", bundle.getAuthentication());
      entry.put("location", bundle.getLocation());
      entry.put("state", bundle.getState());
      entry.put("bytes", bundle.getSize());
      if (bundle.hasFetchedAt()) {
        entry.put("fetchedAt", time(bundle.getFetchedAt()));
      }
      if (bundle.hasExpiresAt()) {
        entry.put("expiresAt", time(bundle.getExpiresAt()));
      }
      if (bundle.hasFailingSince()) {
        entry.put("failingSince", time(bundle.getFailingSince()));
      }
      if (!bundle.getError().isEmpty()) {
        entry.put("error", bundle.getError());
      }
    }
    ArrayNode findings = node.putArray("findings");
    status.getFindingsList().forEach(findings::add);
    return node;
  }
}
