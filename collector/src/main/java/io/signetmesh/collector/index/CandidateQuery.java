package io.signetmesh.collector.index;

import io.signetmesh.collector.query.ClientPattern;
import io.signetmesh.collector.query.Condition;
import io.signetmesh.collector.query.EntryFilter;
import java.util.function.Predicate;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.MatchAllDocsQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.TermQuery;

/**
 * The query for entries that may pass a filter. It finds each one that passes, and each that cannot
 * be read: a scan of the log tells of those, whatever is looked for.
 */
final class CandidateQuery {
  private CandidateQuery() {}

  /** The query for a filter. */
  static Query of(EntryFilter filter) {
    BooleanQuery.Builder all = new BooleanQuery.Builder();
    all.add(new MatchAllDocsQuery(), Occur.FILTER);
    for (Condition condition : filter.conditions()) {
      switch (condition) {
        case Condition.Text text -> all.add(text(text), Occur.FILTER);
        case Condition.Client(ClientPattern pattern) -> all.add(client(pattern), Occur.FILTER);
        case Condition.OfKind(EntryFilter.Kind kind) ->
            all.add(term(IndexField.KIND, kind.name()), Occur.FILTER);
        case Condition.IsForeign(boolean isForeign) ->
            all.add(
                term(IndexField.FOREIGN, IndexField.YES),
                isForeign ? Occur.FILTER : Occur.MUST_NOT);
        case Condition.Since since ->
            all.add(time(EntryDocument.millis(since.time()), Long.MAX_VALUE), Occur.FILTER);
        case Condition.Until until ->
            all.add(time(Long.MIN_VALUE, EntryDocument.millis(until.time())), Occur.FILTER);
      }
    }
    return any(all.build(), term(IndexField.UNREADABLE, IndexField.YES));
  }

  private static Query time(long first, long last) {
    return NumericDocValuesField.newSlowRangeQuery(IndexField.TIME, first, last);
  }

  private static Query text(Condition.Text text) {
    String field = IndexField.of(text.field());
    String wanted = text.pattern().text();
    boolean isName = text.isName();
    Query values =
        text.pattern().isLiteral() && !isName
            ? term(field, wanted)
            : terms(field, wanted + isName, isName ? "" : text.pattern().prefix(), text::matches);
    return any(values, opaque(field));
  }

  private static Query client(ClientPattern pattern) {
    Predicate<String> addresses =
        address ->
            IndexField.isWithoutPort(address)
                ? pattern.mayMatchAddress(address)
                : pattern.matchesAddress(address);
    String words = pattern.toString();
    return new BooleanQuery.Builder()
        .add(
            terms(IndexField.CLIENT, words, pattern.identityPrefix(), pattern::matchesIdentity),
            Occur.SHOULD)
        .add(terms(IndexField.ADDRESS, words, "", addresses), Occur.SHOULD)
        .add(opaque(IndexField.CLIENT), Occur.SHOULD)
        .add(opaque(IndexField.ADDRESS), Occur.SHOULD)
        .build();
  }

  private static Query terms(String field, String words, String prefix, Predicate<String> test) {
    // A half of a character is in no indexed value, and could not be looked for.
    return new TermsQuery(field, words, IndexField.isOpaque(prefix) ? "" : prefix, test);
  }

  private static Query opaque(String field) {
    return term(IndexField.OPAQUE, field);
  }

  private static Query term(String field, String value) {
    return new TermQuery(new Term(field, value));
  }

  private static Query any(Query one, Query other) {
    return new BooleanQuery.Builder().add(one, Occur.SHOULD).add(other, Occur.SHOULD).build();
  }
}
