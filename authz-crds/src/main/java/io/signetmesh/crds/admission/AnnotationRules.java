package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.DenyPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.crds.text.NearestName;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Annotations that configure retries, timeouts, circuit breaking and inbound defaults. */
final class AnnotationRules {
  private static final String RETRY = "retry.linkerd.io/";
  private static final String TIMEOUT = "timeout.linkerd.io/";
  private static final String ACCRUAL = "balancer.linkerd.io/failure-accrual";
  private static final String DEFAULT_POLICY = "config.linkerd.io/default-inbound-policy";
  private static final String OWN = "policy.signetmesh.io/";
  private static final Set<String> TIMEOUTS = Set.of("request", "response", "idle");
  private static final Set<String> GRPC_STATUSES =
      Set.of("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable");
  private static final Set<String> PORT_LISTS =
      Set.of(
          "config.linkerd.io/opaque-ports",
          "config.linkerd.io/proxy-require-identity-inbound-ports");

  private static final Pattern DURATION = Pattern.compile("([0-9]{1,18})(ms|s|m|h|d)");
  private static final Pattern STATUSES = Pattern.compile("([1-5][0-9]{2})(-([1-5][0-9]{2}))?");
  private static final Pattern PORTS = Pattern.compile("([0-9]{1,5})(-([0-9]{1,5}))?");
  private static final Pattern PORT_NAME = Pattern.compile("[a-z0-9](-?[a-z0-9])*");

  private AnnotationRules() {}

  /** Which retry annotations an object takes. */
  enum Retries {
    HTTP,
    GRPC,
    BOTH,
    NONE
  }

  /** Annotations of a route that is attached to a Service or EgressNetwork: errors. */
  static void checkRoute(HasMetadata route, Retries retries, ObjectFindings findings) {
    checkOutbound(route, retries, findings::error, findings::warning);
  }

  /** Annotations of a Service or EgressNetwork: what is malformed is ignored, so warnings. */
  static void checkParent(HasMetadata parent, ObjectFindings findings) {
    checkOutbound(parent, Retries.BOTH, findings::warning, findings::warning);
    accrual(annotations(parent), findings);
    portLists(parent, findings);
  }

  /** Annotations of a pod, pod template or namespace that set inbound defaults: warnings. */
  static void checkInbound(HasMetadata object, ObjectFindings findings) {
    String policy = annotations(object).get(DEFAULT_POLICY);
    if (policy != null && AccessPolicy.parse(policy).isEmpty()) {
      findings.warning(
          field(DEFAULT_POLICY),
          quoted(policy)
              + " is no default policy, so deny holds: expected one of "
              + String.join(
                  ", ", Arrays.stream(AccessPolicy.values()).map(AccessPolicy::wireName).toList()));
    }
    portLists(object, findings);
  }

  /**
   * Annotations of our own group. What is not known there is an error: an object that its author
   * wants in mode audit, and misspells the mode of, must not be enforced for that.
   *
   * @param moded whether the object states its mode by annotation
   */
  static void checkOwn(HasMetadata object, boolean moded, ObjectFindings findings) {
    annotations(object)
        .forEach(
            (key, value) -> {
              String lower = key.toLowerCase(Locale.ROOT);
              if (!lower.startsWith(OWN)) {
                return;
              }
              if (!key.equals(EnforcementMode.ANNOTATION)) {
                findings.error(
                    field(key),
                    quoted(key)
                        + " is no annotation of policy"
                        + NearestName.hint(key, Set.of(EnforcementMode.ANNOTATION)));
              } else if (!moded) {
                findings.error(
                    field(key),
                    "has no effect on a "
                        + object.getKind()
                        + ": "
                        + (object instanceof DenyPolicy
                            ? "expected spec.mode instead"
                            : "only a Server, AuthorizationPolicy or ServerAuthorization takes a"
                                + " mode"));
              } else if (EnforcementMode.parse(value).isEmpty()) {
                // The author may mean either mode.
                findings.error(
                    field(key),
                    quoted(value)
                        + " is no mode: expected "
                        + EnforcementMode.ENFORCE.wireName()
                        + " or "
                        + EnforcementMode.AUDIT.wireName());
              }
            });
  }

  private static void checkOutbound(
      HasMetadata object,
      Retries retries,
      BiConsumer<String, String> malformed,
      BiConsumer<String, String> useless) {
    annotations(object)
        .forEach(
            (key, value) -> {
              Optional<String> problem = Optional.empty();
              if (key.startsWith(TIMEOUT)) {
                if (TIMEOUTS.contains(key.substring(TIMEOUT.length()))) {
                  problem = durationProblem(value);
                } else {
                  useless.accept(field(key), "is no annotation of timeouts: it has no effect");
                }
              } else if (key.startsWith(RETRY)) {
                String name = key.substring(RETRY.length());
                if (isUseless(name, retries)) {
                  useless.accept(field(key), "has no effect on a " + object.getKind());
                }
                problem =
                    switch (name) {
                      case "http" -> httpProblem(value);
                      case "grpc" -> grpcProblem(value);
                      case "limit" -> numberProblem(value, 65_535);
                      case "timeout" -> durationProblem(value);
                      default -> {
                        useless.accept(field(key), "is no annotation of retries: it has no effect");
                        yield Optional.empty();
                      }
                    };
              }
              problem.ifPresent(
                  reason -> malformed.accept(field(key), quoted(value) + ": " + reason));
            });
  }

  private static boolean isUseless(String name, Retries retries) {
    return switch (retries) {
      case HTTP -> name.equals("grpc");
      case GRPC -> name.equals("http");
      case BOTH -> false;
      case NONE -> true;
    };
  }

  private static Optional<String> durationProblem(String value) {
    return duration(value) == null
        ? Optional.of("expected a number with one of the units ms, s, m, h, d (such as 500ms)")
        : Optional.empty();
  }

  /** The durations of annotations: one whole number with a unit. */
  private static @Nullable Duration duration(String value) {
    String text = value.strip();
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    try {
      return matcher.group(2).equals("d")
          ? Duration.ofDays(Long.parseLong(matcher.group(1)))
          : GoDuration.parse(text);
    } catch (ArithmeticException | IllegalArgumentException e) {
      return null;
    }
  }

  private static Optional<String> httpProblem(String value) {
    for (String item : value.split(",", -1)) {
      Matcher range = STATUSES.matcher(item);
      boolean fits =
          item.equalsIgnoreCase("5xx")
              || item.equalsIgnoreCase("gateway-error")
              || (range.matches()
                  && (range.group(3) == null || range.group(1).compareTo(range.group(3)) <= 0));
      if (!fits) {
        return Optional.of(
            quoted(item) + " is not 5xx, gateway-error, a status from 100 to 599 or a range a-b");
      }
    }
    return Optional.empty();
  }

  private static Optional<String> grpcProblem(String value) {
    for (String item : value.split(",", -1)) {
      if (!GRPC_STATUSES.contains(item.toLowerCase(Locale.ROOT))) {
        return Optional.of(
            quoted(item)
                + " is not one of cancelled, deadline-exceeded, internal, resource-exhausted,"
                + " unavailable");
      }
    }
    return Optional.empty();
  }

  private static Optional<String> numberProblem(String value, long max) {
    boolean fits =
        value.length() <= 10
            && !value.isEmpty()
            && value.chars().allMatch(c -> c >= '0' && c <= '9')
            && Long.parseLong(value) <= max;
    return fits ? Optional.empty() : Optional.of("expected a number from 0 to " + max);
  }

  private static void accrual(Map<String, String> annotations, ObjectFindings findings) {
    String mode = annotations.get(ACCRUAL);
    if (mode != null && !mode.equals("consecutive") && !mode.equals("unified")) {
      findings.warning(
          field(ACCRUAL),
          quoted(mode) + " is not consecutive or unified: there is no circuit breaking");
    }
    String failures = ACCRUAL + "-consecutive-max-failures";
    warn(failures, annotations, value -> numberProblem(value, 4_294_967_295L), findings);
    String shortest = ACCRUAL + "-consecutive-min-penalty";
    String longest = ACCRUAL + "-consecutive-max-penalty";
    warn(shortest, annotations, AnnotationRules::durationProblem, findings);
    warn(longest, annotations, AnnotationRules::durationProblem, findings);
    Duration min = duration(annotations.getOrDefault(shortest, "1s"));
    Duration max = duration(annotations.getOrDefault(longest, "60s"));
    if (min != null && max != null && (min.compareTo(max) > 0 || max.isZero())) {
      findings.warning(
          field(annotations.containsKey(longest) ? longest : shortest),
          List.of(field(shortest), field(longest)),
          "the greatest penalty must be more than 0 and not less than the least one: there is no"
              + " circuit breaking");
    }
    warn(
        ACCRUAL + "-consecutive-jitter-ratio",
        annotations,
        AnnotationRules::jitterProblem,
        findings);
  }

  private static Optional<String> jitterProblem(String value) {
    try {
      double ratio = Double.parseDouble(value);
      return ratio >= 0 && ratio <= 100
          ? Optional.empty()
          : Optional.of("expected a number from 0 to 100");
    } catch (NumberFormatException e) {
      return Optional.of("expected a number from 0 to 100");
    }
  }

  private static void warn(
      String key,
      Map<String, String> annotations,
      Function<String, Optional<String>> check,
      ObjectFindings findings) {
    String value = annotations.get(key);
    if (value != null) {
      check
          .apply(value)
          .ifPresent(reason -> findings.warning(field(key), quoted(value) + ": " + reason));
    }
  }

  private static void portLists(HasMetadata object, ObjectFindings findings) {
    annotations(object)
        .forEach(
            (key, value) -> {
              if (PORT_LISTS.contains(key) && !value.isBlank()) {
                for (String item : value.split(",", -1)) {
                  if (!isPorts(item.strip())) {
                    findings.warning(
                        field(key),
                        quoted(item.strip())
                            + " is not a port number, a range a-b or the name of a port");
                  }
                }
              }
            });
  }

  private static boolean isPorts(String item) {
    Matcher range = PORTS.matcher(item);
    if (!range.matches()) {
      return PORT_NAME.matcher(item).matches();
    }
    int from = Integer.parseInt(range.group(1));
    int to = range.group(3) == null ? from : Integer.parseInt(range.group(3));
    return from >= 1 && from <= to && to <= 65_535;
  }

  private static Map<String, String> annotations(HasMetadata object) {
    Map<String, String> annotations = object.getMetadata().getAnnotations();
    return annotations == null ? Map.of() : new TreeMap<>(annotations);
  }

  private static String field(String key) {
    return "metadata.annotations[\"" + key + "\"]";
  }
}
