package io.signetmesh.collector.index;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.FilterDirectory;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexOutput;
import org.apache.lucene.store.NoLockFactory;

/** A directory of an index whose files have mode 0600. Who writes it holds the index's lock. */
final class PrivateDirectory extends FilterDirectory {
  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rw-------");

  private final Path path;

  private PrivateDirectory(FSDirectory files) {
    super(files);
    this.path = files.getDirectory();
  }

  /** Opens it. */
  static PrivateDirectory open(Path path) throws IOException {
    return new PrivateDirectory(FSDirectory.open(path, NoLockFactory.INSTANCE));
  }

  @Override
  public IndexOutput createOutput(String name, IOContext context) throws IOException {
    return hidden(super.createOutput(name, context), name);
  }

  @Override
  public IndexOutput createTempOutput(String prefix, String suffix, IOContext context)
      throws IOException {
    IndexOutput output = super.createTempOutput(prefix, suffix, context);
    return hidden(output, output.getName());
  }

  private IndexOutput hidden(IndexOutput output, String name) throws IOException {
    boolean isHidden = false;
    try {
      Files.setPosixFilePermissions(path.resolve(name), PRIVATE);
      isHidden = true;
      return output;
    } finally {
      if (!isHidden) {
        output.close();
      }
    }
  }
}
