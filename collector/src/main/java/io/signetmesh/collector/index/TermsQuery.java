package io.signetmesh.collector.index;

import java.io.IOException;
import java.util.Objects;
import java.util.function.Predicate;
import org.apache.lucene.index.FilteredTermsEnum;
import org.apache.lucene.index.Terms;
import org.apache.lucene.index.TermsEnum;
import org.apache.lucene.search.MultiTermQuery;
import org.apache.lucene.search.QueryVisitor;
import org.apache.lucene.util.AttributeSource;
import org.apache.lucene.util.BytesRef;
import org.apache.lucene.util.StringHelper;
import org.jspecify.annotations.Nullable;

/** Documents with a value of a field that passes a test. */
final class TermsQuery extends MultiTermQuery {
  private final String what;
  private final BytesRef prefix;
  private final Predicate<String> test;

  /**
   * @param what the query in words; queries of equal words are equal
   * @param prefix what each value that passes begins with
   */
  TermsQuery(String field, String what, String prefix, Predicate<String> test) {
    super(field, CONSTANT_SCORE_BLENDED_REWRITE);
    this.what = what;
    this.prefix = new BytesRef(prefix);
    this.test = test;
  }

  @Override
  protected TermsEnum getTermsEnum(Terms terms, AttributeSource attributes) throws IOException {
    return new Passing(terms.iterator(), prefix, test);
  }

  @Override
  public void visit(QueryVisitor visitor) {
    visitor.visitLeaf(this);
  }

  @Override
  public String toString(String field) {
    return getField() + ":" + what;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return sameClassAs(other)
        && other instanceof TermsQuery query
        && getField().equals(query.getField())
        && what.equals(query.what);
  }

  @Override
  public int hashCode() {
    return Objects.hash(classHash(), getField(), what);
  }

  private static final class Passing extends FilteredTermsEnum {
    private final BytesRef prefix;
    private final Predicate<String> test;

    Passing(TermsEnum all, BytesRef prefix, Predicate<String> test) {
      super(all);
      this.prefix = prefix;
      this.test = test;
      setInitialSeekTerm(prefix);
    }

    @Override
    protected AcceptStatus accept(BytesRef term) {
      if (!StringHelper.startsWith(term, prefix)) {
        return AcceptStatus.END;
      }
      return test.test(term.utf8ToString()) ? AcceptStatus.YES : AcceptStatus.NO;
    }
  }
}
