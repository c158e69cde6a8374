package io.signetmesh.audit.verify;

import java.util.List;

/**
 * What the files of a journal prove.
 *
 * @param first number of the first record; 0 when there is none
 * @param last number of the last record; 0 when there is none
 * @param heads heads that were verified
 * @param from number of the first record that a head covers with all those after it; 0: none is
 * @param covered number of the last record that a head covers, or of the last head
 * @param findings what is wrong, in the order of the files; at most {@value #MAX_FINDINGS}
 */
public record JournalReport(
    long first, long last, long heads, long from, long covered, List<JournalFinding> findings) {
  /** More are not listed: the journal is not worth much then. */
  public static final int MAX_FINDINGS = 1_000;

  /** Copies the list. */
  public JournalReport {
    findings = List.copyOf(findings);
  }

  /** Whether nothing is wrong. */
  public boolean isIntact() {
    return findings.isEmpty();
  }

  /** Whether nothing is wrong, and heads show that of at least one record. */
  public boolean isGood() {
    return isIntact() && isProven();
  }

  /** Whether there is a record that a head covers. */
  public boolean isProven() {
    return from > 0 && from <= covered;
  }

  /** Records at the end that no head covers yet: nothing proves that they are unchanged. */
  public long uncovered() {
    return last - covered;
  }
}
