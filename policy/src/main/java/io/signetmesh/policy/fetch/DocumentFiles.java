package io.signetmesh.policy.fetch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.DocumentLocation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the last good document of each location in files of a directory, for the next start of the
 * controller. They hold public keys and bundles, and nobody else may write them: mode 0600 in a
 * directory of mode 0700. A file that cannot be read is as if it were not there. Safe for use by
 * several threads, as long as no two write the same location.
 */
public final class DocumentFiles implements DocumentMemory {
  private static final Logger LOG = LoggerFactory.getLogger(DocumentFiles.class);
  private static final String SUFFIX = ".json";
  private static final int MAX_BYTES = 2 * 1024 * 1024;
  private static final String KEYS = "jwks";
  private static final String BUNDLE = "bundle";
  private static final Set<PosixFilePermission> OWNER =
      PosixFilePermissions.fromString("rw-------");
  private static final FileAttribute<?> FILE = PosixFilePermissions.asFileAttribute(OWNER);
  private static final FileAttribute<?> DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path directory;

  /**
   * Makes the directory where there is none.
   *
   * @throws IOException when that cannot be done
   */
  public DocumentFiles(Path directory) throws IOException {
    this.directory = directory;
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory.getParent() == null ? Path.of(".") : directory.getParent());
      Files.createDirectory(directory, DIRECTORY);
    }
  }

  @Override
  public Optional<Kept> load(DocumentLocation location) {
    Path file = file(location);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new IOException("more than " + MAX_BYTES + " bytes");
      }
      JsonNode kept = JSON.readTree(Files.readString(file));
      if (!location.url().equals(kept.path("url").textValue())) {
        throw new IOException("it is of another URL");
      }
      return Optional.of(
          new Kept(
              location.kind().isBundle()
                  ? ByteString.copyFrom(kept.path(BUNDLE).binaryValue())
                  : ByteString.copyFromUtf8(kept.path(KEYS).asText()),
              Instant.parse(kept.path("fetchedAt").asText())));
    } catch (JsonProcessingException e) {
      LOG.warn("{} is not JSON, and so is not used: {}", file, e.getOriginalMessage());
      return Optional.empty();
    } catch (IOException | DateTimeException e) {
      LOG.warn("{} cannot be read, and so is not used: {}", file, e.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public void save(DocumentLocation location, Kept kept) {
    ObjectNode content = JSON.createObjectNode();
    content.put("url", location.url());
    content.put("fetchedAt", kept.fetchedAt().toString());
    if (location.kind().isBundle()) {
      content.put(BUNDLE, kept.content().toByteArray());
    } else {
      content.put(KEYS, kept.content().toStringUtf8());
    }
    Path file = file(location);
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.deleteIfExists(fresh);
      Files.createFile(fresh, FILE);
      try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        ByteBuffer bytes =
            ByteBuffer.wrap(JSON.writeValueAsString(content).getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        out.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      LOG.warn(
          "{} cannot be written: what it has does not survive a restart: {}", file, e.toString());
    }
  }

  @Override
  public void retain(Collection<DocumentLocation> locations) {
    Set<Path> used =
        locations.stream().map(this::file).map(Path::getFileName).collect(Collectors.toSet());
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if ((name.endsWith(SUFFIX) || name.endsWith(SUFFIX + ".new"))
            && !used.contains(file.getFileName())) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      LOG.warn("{} cannot be cleaned up: {}", directory, e.toString());
    }
  }

  private Path file(DocumentLocation location) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
    for (String part :
        new String[] {
          location.kind().name(), location.url(), location.issuer(), location.caBundle()
        }) {
      digest.update(part.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    return directory.resolve(HexFormat.of().formatHex(digest.digest()) + SUFFIX);
  }
}
