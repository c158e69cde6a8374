package io.signetmesh.collector.index;

import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.Scorer;
import org.apache.lucene.search.Weight;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.NoLockFactory;
import org.apache.lucene.util.FixedBitSet;

/**
 * A part of an index as it was when it was opened: a document for each entry, in their order. What
 * the files of a part say is not trusted; whatever goes wrong with them is an {@link IOException}.
 */
final class IndexPart implements AutoCloseable {
  private final Path path;
  private final FSDirectory directory;
  private final DirectoryReader reader;
  private final Coverage coverage;

  private IndexPart(Path path, FSDirectory directory, DirectoryReader reader, Coverage coverage) {
    this.path = path;
    this.directory = directory;
    this.reader = reader;
    this.coverage = coverage;
  }

  /**
   * Opens a part.
   *
   * @throws IOException when it cannot be read, or is not of the log
   */
  static IndexPart open(Path path, LogDirectory log) throws IOException {
    FSDirectory directory = FSDirectory.open(path, NoLockFactory.INSTANCE);
    DirectoryReader reader = null;
    boolean opened = false;
    try {
      reader = DirectoryReader.open(directory);
      Coverage coverage = Coverage.of(reader.getIndexCommit().getUserData());
      coverage.requireOf(log);
      if (reader.maxDoc() != coverage.end() - coverage.first() || reader.hasDeletions()) {
        throw new UnusableIndexException(
            "it has "
                + reader.maxDoc()
                + " documents for entries "
                + coverage.first()
                + " to "
                + coverage.end());
      }
      opened = true;
      return new IndexPart(path, directory, reader, coverage);
    } catch (RuntimeException | LinkageError e) {
      throw new UnusableIndexException("it cannot be read: " + e, e);
    } finally {
      if (!opened) {
        if (reader != null) {
          reader.close();
        }
        directory.close();
      }
    }
  }

  /** What it covers. */
  Coverage coverage() {
    return coverage;
  }

  /** Where it is. */
  Path path() {
    return path;
  }

  /**
   * The documents that may pass a filter; the first one is the first entry that is covered.
   *
   * @throws IOException when the part cannot be read or is damaged
   */
  FixedBitSet candidates(EntryFilter filter) throws IOException {
    FixedBitSet found = new FixedBitSet(Math.max(1, reader.maxDoc()));
    try {
      IndexSearcher searcher = new IndexSearcher(reader);
      searcher.setQueryCache(null);
      Query query = searcher.rewrite(CandidateQuery.of(filter));
      Weight weight = searcher.createWeight(query, ScoreMode.COMPLETE_NO_SCORES, 1);
      for (LeafReaderContext leaf : reader.leaves()) {
        Scorer scorer = weight.scorer(leaf);
        if (scorer != null) {
          DocIdSetIterator documents = scorer.iterator();
          for (int one = documents.nextDoc();
              one != DocIdSetIterator.NO_MORE_DOCS;
              one = documents.nextDoc()) {
            found.set(leaf.docBase + one);
          }
        }
      }
      return found;
    } catch (RuntimeException | AssertionError | InternalError e) {
      throw new UnusableIndexException("it is damaged: " + e, e);
    }
  }

  /**
   * Reads all of it and compares its checksums.
   *
   * @throws IOException when it is damaged
   */
  void check() throws IOException {
    try {
      for (LeafReaderContext leaf : reader.leaves()) {
        leaf.reader().checkIntegrity();
      }
    } catch (RuntimeException | InternalError e) {
      throw new UnusableIndexException("it is damaged: " + e, e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      reader.close();
    } finally {
      directory.close();
    }
  }
}
