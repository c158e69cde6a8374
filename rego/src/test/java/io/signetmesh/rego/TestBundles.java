package io.signetmesh.rego;

import com.google.protobuf.ByteString;
import io.signetmesh.v1.RegoBundle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;

/** Bundles that opa has compiled from src/test/rego, and others like them. */
final class TestBundles {
  private static final Path FOLDER = build();

  static final MemoryBudget.Share BUDGET = MemoryBudget.SHARED.share("tests");

  private TestBundles() {}

  private static Path build() {
    Path log = Path.of("target", "build-bundles.log");
    try {
      Files.createDirectories(log.getParent());
      Process process =
          new ProcessBuilder("./build-bundles")
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(14, TimeUnit.MINUTES)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        throw new IllegalStateException("build-bundles takes more than 14 minutes, see " + log);
      }
      if (process.exitValue() != 0) {
        throw new IllegalStateException(
            "build-bundles failed with %d:%n%s"
                .formatted(process.exitValue(), Files.readString(log)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while bundles are built", e);
    }
    return Path.of("target", "bundles");
  }

  /** The bundle of a folder of src/test/rego. */
  static byte[] bundle(String name) {
    return read(name + ".tar.gz");
  }

  /** What opa itself says of the rule {@code texts} of a folder. */
  static String texts(String name) {
    return new String(read(name + ".json"), StandardCharsets.UTF_8);
  }

  private static byte[] read(String file) {
    try {
      return Files.readAllBytes(FOLDER.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static io.signetmesh.v1.RegoAuthentication.Builder message(byte[] bundle, String entrypoint) {
    return io.signetmesh.v1.RegoAuthentication.newBuilder()
        .setName("shop/orders")
        .setEntrypoint(entrypoint)
        .setBundle(RegoBundle.newBuilder().setContent(ByteString.copyFrom(bundle)));
  }

  /** The entry point of the bundle that its first part names. */
  static RegoAuthentication compile(String entrypoint) {
    return compile(message(bundle(entrypoint.substring(0, entrypoint.indexOf('/'))), entrypoint));
  }

  static RegoAuthentication compile(io.signetmesh.v1.RegoAuthentication.Builder message) {
    try {
      return RegoAuthentication.compile(message.build());
    } catch (InvalidRegoException e) {
      throw new AssertionError("not compiled: " + e.getMessage(), e);
    }
  }

  static PolicyCode code(byte[] bundle) throws InvalidRegoException {
    return PolicyCode.of(bundle, PolicyCode.MOST_PAGES, BUDGET);
  }

  /** Contents of a bundle that was read. */
  static byte[] module(String name) {
    try {
      return BundleArchive.read(bundle(name)).module();
    } catch (InvalidRegoException e) {
      throw new AssertionError(e);
    }
  }

  /** A bundle with one module. */
  static byte[] bundleOf(byte[] module) {
    return gzip(tar(Map.of("/policy.wasm", module)));
  }

  static byte[] tar(Map<String, byte[]> files) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new LinkedHashMap<>(files).forEach((name, content) -> entry(out, name, '0', content));
    out.writeBytes(new byte[1024]);
    return out.toByteArray();
  }

  static void entry(ByteArrayOutputStream out, String name, int type, byte[] content) {
    byte[] header = new byte[512];
    put(header, 0, name);
    put(header, 100, "0000644");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, 124, "%011o".formatted(content.length));
    put(header, 136, "00000000000");
    header[156] = (byte) type;
    put(header, 257, "ustar");
    put(header, 263, "00");
    put(header, 148, "        ");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    put(header, 148, "%06o\0 ".formatted(sum));
    out.writeBytes(header);
    out.writeBytes(content);
    out.writeBytes(new byte[-content.length & 511]);
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }

  static byte[] gzip(byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
