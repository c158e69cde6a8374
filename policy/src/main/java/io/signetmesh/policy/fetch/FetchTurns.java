package io.signetmesh.policy.fetch;

import io.signetmesh.policy.model.ObjectRef;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which fetches are next. The namespace with the fewest under way comes first, and of its documents
 * the one that is due longest. No namespace has more under way than places are left: alone it takes
 * half of them, and who comes next finds one, as long as few namespaces misuse them. What there is
 * no room for is passed over.
 */
final class FetchTurns {
  private FetchTurns() {}

  /**
   * The documents whose fetch starts now; their turn is set.
   *
   * @param all documents that somebody needs
   * @param underWay documents that are being fetched
   * @param places fetches that may be under way at the same time
   * @param budget takes what starts
   */
  static List<DocumentState> next(
      Collection<DocumentState> all,
      Set<DocumentState> underWay,
      int places,
      DocumentBudget budget,
      Instant now) {
    Map<String, Integer> taken = new HashMap<>();
    underWay.forEach(document -> taken.merge(document.turn, 1, Integer::sum));
    int left = places - underWay.size();
    List<DocumentState> due = new ArrayList<>();
    for (DocumentState document : all) {
      if (!underWay.contains(document) && !now.isBefore(document.dueAt)) {
        due.add(document);
      }
    }
    due.sort(Comparator.comparing(document -> document.dueAt));
    List<DocumentState> next = new ArrayList<>();
    while (left > 0 && !due.isEmpty()) {
      DocumentState chosen = null;
      String turn = "";
      int fewest = left;
      for (DocumentState document : due) {
        for (ObjectRef user : document.needs.keySet()) {
          int others = taken.getOrDefault(user.namespace(), 0);
          if (others < fewest) {
            fewest = others;
            chosen = document;
            turn = user.namespace();
          }
        }
      }
      if (chosen == null) {
        break;
      }
      due.remove(chosen);
      if (!budget.take(chosen)) {
        String full = turn;
        DocumentState first = chosen;
        due.removeIf(
            document -> document.form == first.form && isOf(full, document, first, budget));
        continue;
      }
      chosen.turn = turn;
      taken.merge(turn, 1, Integer::sum);
      left--;
      next.add(chosen);
    }
    return next;
  }

  /**
   * Whether a document is of a namespace that has no room for another one. All of them are passed
   * over at once, so that a step takes as long however many there are.
   */
  private static boolean isOf(
      String namespace, DocumentState document, DocumentState full, DocumentBudget budget) {
    if (!document.needs.keySet().stream().allMatch(user -> user.namespace().equals(namespace))) {
      return false;
    }
    budget.refuseLike(full, document);
    return true;
  }
}
