package io.signetmesh.rotation;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * How it is with a rotation, as conditions of a Kubernetes resource say it.
 *
 * @param type what is said something of: {@code Progressing}, {@code Complete}, {@code Failing} or
 *     {@code Compromised}
 * @param isTrue whether it is so
 * @param reason why, one word in camel case
 * @param message the same for people; at most 4096 characters, may be empty
 * @param since when {@code isTrue} changed last
 */
public record Condition(String type, boolean isTrue, String reason, String message, Instant since) {
  /** It goes on by itself. Not true: it waits, or has ended. */
  public static final String PROGRESSING = "Progressing";

  /** It has ended: {@code Done} or {@code Aborted}. */
  public static final String COMPLETE = "Complete";

  /** Somebody has to put something right that is not a workload. */
  public static final String FAILING = "Failing";

  /** The anchors that leave are compromised. */
  public static final String COMPROMISED = "Compromised";

  private static final int MAX_MESSAGE = 4_096;

  /** Obstacles that are named. */
  private static final int MAX_NAMED = 10;

  /** Cuts a message off that is too long. */
  public Condition {
    message = message.substring(0, Math.min(message.length(), MAX_MESSAGE));
  }

  /**
   * The conditions of a rotation.
   *
   * @param obstacles what its phase waits for
   * @param before the conditions until now: what has not changed keeps its time
   */
  public static List<Condition> of(
      Rotation rotation, List<Obstacle> obstacles, List<Condition> before, Instant now) {
    boolean isDone = rotation.isDone();
    List<Obstacle> failures =
        obstacles.stream()
            .filter(
                obstacle ->
                    switch (obstacle.kind()) {
                      case CANARY, CHANGED, FAILURE -> true;
                      case NOT_ACKNOWLEDGED, REFUSED, NOT_RENEWED, GONE, SILENT, PEER -> false;
                    })
            .toList();
    List<Condition> all = new ArrayList<>();
    String ended = rotation.reversed() ? "Aborted" : "Done";
    all.add(
        new Condition(
            PROGRESSING,
            !isDone && obstacles.isEmpty(),
            isDone ? ended : obstacles.isEmpty() ? name(rotation.phase()) : "Waiting",
            obstacles.isEmpty()
                ? ""
                : "in phase " + name(rotation.phase()) + ", for " + named(obstacles),
            now));
    all.add(new Condition(COMPLETE, isDone, isDone ? ended : "UnderWay", "", now));
    all.add(
        new Condition(
            FAILING,
            !failures.isEmpty(),
            failures.isEmpty() ? "AsExpected" : camel(failures.getFirst().kind().name()),
            failures.isEmpty() ? "" : named(failures),
            now));
    all.add(
        new Condition(
            COMPROMISED,
            rotation.compromised(),
            rotation.compromised() ? "Declared" : "NotDeclared",
            "",
            now));
    return all.stream().map(condition -> condition.sinceBefore(before)).toList();
  }

  /** Whether conditions differ in nothing but their messages. */
  static boolean isSame(List<Condition> some, List<Condition> others) {
    return some.stream()
        .map(one -> new Condition(one.type, one.isTrue, one.reason, "", one.since))
        .toList()
        .equals(
            others.stream()
                .map(one -> new Condition(one.type, one.isTrue, one.reason, "", one.since))
                .toList());
  }

  private Condition sinceBefore(List<Condition> before) {
    return before.stream()
        .filter(one -> one.type.equals(type) && one.isTrue == isTrue)
        .findFirst()
        .map(one -> new Condition(type, isTrue, reason, message, one.since))
        .orElse(this);
  }

  private static String named(List<Obstacle> obstacles) {
    return obstacles.size()
        + ": "
        + obstacles.stream()
            .limit(MAX_NAMED)
            .map(Obstacle::message)
            .collect(Collectors.joining("; "));
  }

  private static String name(Phase phase) {
    return camel(phase.name());
  }

  private static String camel(String constant) {
    StringBuilder camel = new StringBuilder();
    for (String word : constant.split("_", -1)) {
      camel.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
    }
    return camel.toString();
  }
}
