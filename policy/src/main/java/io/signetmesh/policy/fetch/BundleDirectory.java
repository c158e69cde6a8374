package io.signetmesh.policy.fetch;

import com.google.protobuf.ByteString;
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.fetch.FetchException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Reads policy bundles from files of one directory, which has a subdirectory for each namespace.
 * Whoever may write a RegoAuthentication names the file, so nothing outside of the subdirectory of
 * its namespace is read, whatever links there are in it. Links within the subdirectory are
 * followed, and so is the subdirectory itself within the directory: mounted volumes have them.
 */
final class BundleDirectory implements DocumentFetcher {
  private final @Nullable Path directory;

  /**
   * @param directory the directory; null when there is none
   */
  BundleDirectory(@Nullable Path directory) {
    this.directory = directory;
  }

  @Override
  public ByteString fetch(DocumentLocation location) throws FetchException {
    int slash = location.url().indexOf('/');
    String namespace = location.url().substring(0, Math.max(slash, 0));
    String name = location.url().substring(slash + 1);
    if (directory == null) {
      throw failure("no file is read: the policy controller has no --rego-bundle-directory");
    }
    String shown = Quoted.text(name);
    String where = " in the directory for bundles of namespace " + Quoted.text(namespace);
    int limit = DocumentForm.BUNDLE.maxBytes();
    try {
      if (isNoName(namespace) || isNoName(name)) {
        throw failure(shown + " is no name of a file" + where);
      }
      Path root = directory.toRealPath();
      Path own = root.resolve(namespace).toRealPath();
      Path file = own.resolve(name).toRealPath();
      if (own.equals(root) || !own.startsWith(root) || !file.startsWith(own)) {
        throw failure(
            "file "
                + shown
                + " is a link out of the directory for bundles of namespace "
                + Quoted.text(namespace));
      }
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw failure(shown + where + " is no file");
      }
      ByteString content;
      // What has become a link meanwhile is not followed.
      try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
        content = ByteString.copyFrom(in.readNBytes(limit + 1));
      }
      if (content.size() > limit) {
        throw new FetchException(Kind.SIZE, "file " + shown + " has more than " + limit + " bytes");
      }
      return content;
    } catch (NoSuchFileException | InvalidPathException e) {
      throw failure("there is no file " + shown + where);
    } catch (IOException e) {
      throw failure("file " + shown + " cannot be read: " + e.getClass().getSimpleName());
    }
  }

  private static boolean isNoName(String name) {
    return name.isEmpty() || name.startsWith(".") || name.contains("/") || name.contains("\\");
  }

  private static FetchException failure(String message) {
    return new FetchException(Kind.FILE, message);
  }
}
