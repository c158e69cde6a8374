package io.signetmesh.collector.index;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LogDocMergePolicy;
import org.apache.lucene.index.SerialMergeScheduler;

/**
 * Writes a part of an index, entry by entry. What was committed last outlives a crash. Documents
 * stay in the order in which they were added: one thread adds them, none is deleted, and only
 * neighbours are merged. For one thread.
 */
final class PartWriter implements AutoCloseable {
  private final PrivateDirectory directory;
  private final IndexWriter writer;
  private final EntryDocument document = new EntryDocument();
  private final long first;
  private long end;

  private PartWriter(PrivateDirectory directory, IndexWriter writer, long first, long end) {
    this.directory = directory;
    this.writer = writer;
    this.first = first;
    this.end = end;
  }

  /**
   * Opens a part to go on with it, or begins it.
   *
   * @param begin the first entry, when the part begins
   * @param bufferBytes memory for what is not written yet, 1 MiB or more
   * @throws IOException when what is there cannot be read, or is not of the log
   */
  static PartWriter open(Path path, LogDirectory log, long begin, long bufferBytes)
      throws IOException {
    StateFiles.createDirectory(path);
    PrivateDirectory directory = PrivateDirectory.open(path);
    boolean opened = false;
    try {
      long first = begin;
      long end = begin;
      if (DirectoryReader.indexExists(directory)) {
        try (IndexPart part = IndexPart.open(path, log)) {
          first = part.coverage().first();
          end = part.coverage().end();
        }
      }
      LogDocMergePolicy neighbours = new LogDocMergePolicy();
      neighbours.setMergeFactor(16);
      neighbours.setNoCFSRatio(0);
      IndexWriter writer =
          new IndexWriter(
              directory,
              new IndexWriterConfig(null)
                  .setRAMBufferSizeMB(bufferBytes / (double) (1 << 20))
                  .setMergePolicy(neighbours)
                  .setMergeScheduler(new SerialMergeScheduler())
                  .setUseCompoundFile(false)
                  .setCommitOnClose(false));
      opened = true;
      return new PartWriter(directory, writer, first, end);
    } catch (RuntimeException | LinkageError e) {
      throw new UnusableIndexException("it cannot be written: " + e, e);
    } finally {
      if (!opened) {
        directory.close();
      }
    }
  }

  /** The entry that is to be added next. */
  long end() {
    return end;
  }

  /** Adds the next entry. */
  void add(AuditEntry entry) throws IOException {
    if (entry.index() != end) {
      throw new IllegalArgumentException("entry " + entry.index() + ": expected " + end);
    }
    writer.addDocument(document.of(entry));
    end++;
  }

  /** Adds entries that cannot be read. */
  void addUnreadable(long to) throws IOException {
    while (end < to) {
      writer.addDocument(document.unreadable());
      end++;
    }
  }

  /**
   * Keeps what was added. Until then nobody sees it.
   *
   * @param log has as many entries at least
   */
  void commit(LogDirectory log) throws IOException {
    Coverage coverage = new Coverage(log.origin(), first, end, Coverage.root(log, end));
    writer.setLiveCommitData(coverage.data().entrySet());
    writer.commit();
  }

  /** Gives up what was not committed. */
  @Override
  public void close() throws IOException {
    try {
      writer.rollback();
    } finally {
      directory.close();
    }
  }
}
