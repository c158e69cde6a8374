package io.signetmesh.cli.check;

import com.google.protobuf.Timestamp;
import io.signetmesh.cli.check.CheckResult.Category;
import io.signetmesh.v1.BundleStatus;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.KeySetStatus;
import io.signetmesh.v1.ObjectReach;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PortStatus;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Checks of what the policy controller tells. */
final class PolicyChecks {
  private static final int SHOWN = 3;

  private PolicyChecks() {}

  /** The results, in the order in which they are shown. */
  static List<CheckResult> of(EnforcementStatus status) {
    List<CheckResult> results = new ArrayList<>();
    results.add(inForce(status));
    results.add(manifests(status));
    results.add(objects(status));
    results.add(reach(status));
    status.getKeySetsList().forEach(keys -> results.add(keySet(keys)));
    status.getBundlesList().forEach(bundle -> results.add(bundle(bundle)));
    return results;
  }

  private static CheckResult inForce(EnforcementStatus status) {
    List<PortStatus> connected =
        status.getPortsList().stream().filter(PortStatus::getConnected).toList();
    List<PortStatus> behind = connected.stream().filter(port -> !port.getInForce()).toList();
    String text =
        "generation %d is in force on %d of %d ports of connected proxies"
            .formatted(
                status.getCurrentGeneration(), connected.size() - behind.size(), connected.size());
    if (behind.isEmpty()) {
      return CheckResult.ok(Category.POLICY, "policy-in-force", text);
    }
    return CheckResult.failure(
        Category.POLICY,
        "policy-in-force",
        text + "; behind: " + some(behind.stream().map(PolicyChecks::port).toList()),
        "'signet policy status --ports' shows each port; the log of the proxy says what it refuses");
  }

  private static String port(PortStatus port) {
    return port.getNamespace()
        + "/"
        + port.getName()
        + ":"
        + port.getPort()
        + (port.getRefusal().isEmpty() ? "" : " refuses it: " + port.getRefusal());
  }

  private static CheckResult manifests(EnforcementStatus status) {
    int invalid = status.getInvalidManifests();
    if (invalid == 0) {
      return CheckResult.ok(Category.POLICY, "manifests-valid", "all manifests are valid");
    }
    return CheckResult.failure(
        Category.POLICY,
        "manifests-valid",
        invalid
            + " errors in manifests: "
            + some(status.getFindingsList().stream().limit(invalid).toList()),
        "correct the field that is named; until then the object stays as it was last valid");
  }

  /** Findings are errors of manifests, then errors of objects, then warnings. */
  private static CheckResult objects(EnforcementStatus status) {
    int errors = status.getPolicyErrors();
    List<String> findings =
        status.getFindingsList().stream().skip(status.getInvalidManifests()).toList();
    if (errors > 0) {
      return CheckResult.failure(
          Category.POLICY,
          "policy-objects",
          errors
              + " policy objects do not do what they say: "
              + some(findings.stream().limit(errors).toList()),
          "'signet policy status' has all findings; docs/security/policy-reference.md explains each");
    }
    if (!findings.isEmpty()) {
      return CheckResult.warning(
          Category.POLICY,
          "policy-objects",
          findings.size() + " warnings about policy objects: " + some(findings),
          "'signet policy status' has all findings; docs/security/policy-reference.md explains each");
    }
    return CheckResult.ok(Category.POLICY, "policy-objects", "all policy objects do what they say");
  }

  private static CheckResult reach(EnforcementStatus status) {
    List<ObjectStatus> nowhere =
        status.getObjectsList().stream()
            .filter(
                object ->
                    object.getReach() == ObjectReach.OBJECT_REACH_NO_PORT
                        || object.getReach() == ObjectReach.OBJECT_REACH_NO_PROXY)
            .toList();
    if (nowhere.isEmpty()) {
      return CheckResult.ok(
          Category.POLICY,
          "policy-reach",
          "all " + status.getObjectsCount() + " policy objects affect ports of connected proxies");
    }
    return CheckResult.warning(
        Category.POLICY,
        "policy-reach",
        nowhere.size()
            + " of "
            + status.getObjectsCount()
            + " policy objects are in force nowhere: "
            + some(nowhere.stream().map(PolicyChecks::object).toList()),
        "delete the object, correct its target, or start the proxy of the workload");
  }

  private static String object(ObjectStatus object) {
    return object.getObject().getKind()
        + " "
        + object.getObject().getNamespace()
        + "/"
        + object.getObject().getName()
        + (object.getReason().isEmpty() ? "" : " (" + object.getReason() + ")");
  }

  private static CheckResult keySet(KeySetStatus keys) {
    String name = "key-set";
    String of = "JWTAuthentication " + keys.getAuthentication() + ": ";
    String used =
        keys.getKeys()
            + " keys"
            + (keys.hasFetchedAt() ? ", fetched at " + time(keys.getFetchedAt()) : "")
            + (keys.hasExpiresAt() ? ", used until " + time(keys.getExpiresAt()) : "");
    return switch (keys.getState()) {
      case "fresh" ->
          keys.getBadKeysCount() == 0
              ? CheckResult.ok(Category.KEYS, name, of + used)
              : CheckResult.warning(
                  Category.KEYS,
                  name,
                  of + used + "; not used: " + some(keys.getBadKeysList()),
                  "tokens that are signed with such a key are refused: the issuer has to replace it");
      case "stale" ->
          CheckResult.warning(
              Category.KEYS,
              name,
              of + used + "; cannot be fetched anew: " + keys.getError(),
              "tokens are accepted until then; a key that the issuer withdraws is still accepted, too");
      default ->
          CheckResult.failure(
              Category.KEYS,
              name,
              of + "no keys, so no token passes" + because(keys.getError()),
              "make " + keys.getLocation() + " reachable for the policy controller");
    };
  }

  private static CheckResult bundle(BundleStatus bundle) {
    String name = "bundle";
    String of = "RegoAuthentication " + bundle.getAuthentication() + ": ";
    String used =
        bundle.getSize()
            + " bytes"
            + (bundle.hasFetchedAt() ? ", fetched at " + time(bundle.getFetchedAt()) : "")
            + (bundle.hasExpiresAt() ? ", used until " + time(bundle.getExpiresAt()) : "");
    return switch (bundle.getState()) {
      case "fresh" -> CheckResult.ok(Category.BUNDLES, name, of + used);
      case "stale" ->
          CheckResult.warning(
              Category.BUNDLES,
              name,
              of + used + "; cannot be fetched anew: " + bundle.getError(),
              "the last good bundle decides until then");
      default ->
          CheckResult.failure(
              Category.BUNDLES,
              name,
              of + "no bundle, so no request passes" + because(bundle.getError()),
              "make " + bundle.getLocation() + " available to the policy controller");
    };
  }

  private static String because(String error) {
    return error.isEmpty() ? "" : ": " + error;
  }

  private static String time(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds()).truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** The first few, and how many more there are. */
  static String some(List<String> all) {
    return all.stream().limit(SHOWN).collect(Collectors.joining("; "))
        + (all.size() > SHOWN ? "; and " + (all.size() - SHOWN) + " more" : "");
  }
}
