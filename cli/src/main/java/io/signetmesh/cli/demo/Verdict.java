package io.signetmesh.cli.demo;

import io.signetmesh.cli.record.DecisionRecord;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One thing that a client of the demo tried, what was to be expected, and what came of it.
 *
 * @param phase which policy was in force
 * @param client who called
 * @param service what was called
 * @param request what was asked for
 * @param expected whether the policy allows it
 * @param answer what the client got
 * @param record what the called workload's proxy put on record; null when it put nothing
 * @param note what else is known, e.g. how long an edit took to be in force; may be empty
 */
record Verdict(
    Phase phase,
    Shop.Client client,
    Shop.Service service,
    String request,
    boolean expected,
    Answer answer,
    @Nullable DecisionRecord record,
    String note) {
  /** Which policy was in force. */
  enum Phase {
    /** As the example has it. */
    AS_WRITTEN("policy as written"),
    /** While the storefront is dismissed. */
    EDITED("policy edited while traffic flows: the storefront is not the frontend any more"),
    /** After the edit was taken back. */
    RESTORED("edit taken back");

    private final String title;

    Phase(String title) {
      this.title = title;
    }

    String title() {
      return title;
    }
  }

  /** Whether client and record both say what was expected. */
  boolean asExpected() {
    DecisionRecord written = record;
    return answer.served() == expected && written != null && written.allowed() == expected;
  }

  /** What is on record. */
  Optional<DecisionRecord> onRecord() {
    return Optional.ofNullable(record);
  }

  /** The reason on record, for people. */
  String reason() {
    DecisionRecord written = record;
    if (written == null) {
      return "nothing on record";
    }
    String authorization = written.authorization();
    String name =
        authorization == null ? null : authorization.substring(authorization.lastIndexOf('/') + 1);
    if (written.allowed()) {
      return name == null ? written.reason() : written.reason() + " by " + name;
    }
    StringBuilder text = new StringBuilder(written.reason());
    if (name != null) {
      text.append(", nearest: ").append(name);
    }
    return text.toString();
  }
}
