package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.profile.ServiceProfileSpec;
import io.signetmesh.crds.schema.GoDuration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Service profiles. */
final class ProfileRules {
  private ProfileRules() {}

  static void check(ServiceProfileSpec spec, ObjectFindings findings) {
    for (int i = 0; i < spec.routes().size(); i++) {
      ServiceProfileSpec.Route route = spec.routes().get(i);
      String at = "spec.routes[" + i + "]";
      if (route.name().isEmpty()) {
        findings.error(at + ".name", "must not be empty");
      }
      request(route.condition(), at + ".condition", findings);
      duration(route.timeout(), at + ".timeout", findings);
      for (int j = 0; j < route.responseClasses().size(); j++) {
        response(
            route.responseClasses().get(j).condition(),
            at + ".responseClasses[" + j + "].condition",
            findings);
      }
    }
    ServiceProfileSpec.RetryBudget budget = spec.retryBudget();
    if (budget != null) {
      if (budget.retryRatio() < 0) {
        findings.error("spec.retryBudget.retryRatio", budget.retryRatio() + " is less than 0");
      }
      if (budget.minRetriesPerSecond() < 0) {
        findings.error(
            "spec.retryBudget.minRetriesPerSecond",
            budget.minRetriesPerSecond() + " is less than 0");
      }
      duration(budget.ttl(), "spec.retryBudget.ttl", findings);
    }
    for (int i = 0; i < spec.dstOverrides().size(); i++) {
      ServiceProfileSpec.WeightedDestination destination = spec.dstOverrides().get(i);
      String at = "spec.dstOverrides[" + i + "]";
      if (destination.authority() == null || destination.authority().isEmpty()) {
        findings.error(at, List.of(at + ".authority"), "authority is missing");
      }
      if (destination.weight() == null) {
        findings.error(at, List.of(at + ".weight"), "weight is missing");
      }
    }
  }

  private static void request(
      ServiceProfileSpec.RequestMatch match, String at, ObjectFindings findings) {
    if (match.pathRegex() == null
        && match.method() == null
        && match.all().isEmpty()
        && match.any().isEmpty()
        && match.not().isEmpty()) {
      findings.error(at, "one of all, any, not, method and pathRegex is required");
    }
    if (match.pathRegex() != null) {
      HttpSyntax.regex(match.pathRegex(), at + ".pathRegex", List.of(at + ".pathRegex"), findings);
    }
    requests(match.all(), at + ".all", findings);
    requests(match.any(), at + ".any", findings);
    requests(match.not(), at + ".not", findings);
  }

  private static void requests(
      List<ServiceProfileSpec.RequestMatch> matches, String field, ObjectFindings findings) {
    for (int i = 0; i < matches.size(); i++) {
      request(matches.get(i), field + "[" + i + "]", findings);
    }
  }

  private static void response(
      ServiceProfileSpec.ResponseMatch match, String at, ObjectFindings findings) {
    if (match.all().isEmpty()
        && match.any().isEmpty()
        && match.not() == null
        && match.status() == null) {
      findings.error(at, "one of all, any, not and status is required");
    }
    if (match.not() != null) {
      response(match.not(), at + ".not", findings);
    }
    for (int i = 0; i < match.all().size(); i++) {
      response(match.all().get(i), at + ".all[" + i + "]", findings);
    }
    for (int i = 0; i < match.any().size(); i++) {
      response(match.any().get(i), at + ".any[" + i + "]", findings);
    }
    ServiceProfileSpec.StatusRange range = match.status();
    if (range != null) {
      status(range, at + ".status", findings);
    }
  }

  private static void status(
      ServiceProfileSpec.StatusRange range, String at, ObjectFindings findings) {
    int min = range.min() == null ? 0 : range.min();
    int max = range.max() == null ? 0 : range.max();
    if (min == 0 && max == 0) {
      findings.error(at, "min or max is required");
    }
    if (min != 0 && (min < 100 || min > 599)) {
      findings.error(at + ".min", min + " is not a status from 100 to 599");
    }
    if (max != 0 && (max < 100 || max > 599)) {
      findings.error(at + ".max", max + " is not a status from 100 to 599");
    }
    if (min != 0 && max != 0 && max < min) {
      findings.error(at + ".max", List.of(at), max + " is less than min, " + min);
    }
  }

  private static void duration(@Nullable String text, String field, ObjectFindings findings) {
    if (text == null) {
      return;
    }
    try {
      if (GoDuration.parse(text).isNegative()) {
        findings.error(field, quoted(text) + " is negative");
      }
    } catch (IllegalArgumentException e) {
      findings.error(field, String.valueOf(e.getMessage()));
    }
  }
}
