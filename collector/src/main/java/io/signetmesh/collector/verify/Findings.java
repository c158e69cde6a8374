package io.signetmesh.collector.verify;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Findings up to a bound. */
final class Findings implements Consumer<Finding> {
  private final List<Finding> all = new ArrayList<>();

  @Override
  public void accept(Finding finding) {
    if (all.size() < CheckResult.MAX_FINDINGS) {
      all.add(finding);
    }
  }

  void add(Finding.Kind kind, long from, long to, String where, String what) {
    accept(new Finding(kind, from, to, where, what));
  }

  List<Finding> list() {
    return all;
  }
}
