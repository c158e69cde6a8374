package io.signetmesh.identity.ca.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A token {@code signet} of SoftHSM2. The library reads its configuration once in a process, so all
 * tests of a process share it: each has labels of its own.
 */
public final class SoftHsm {
  private static final String PIN = "87654321";

  private static @Nullable SoftHsm shared;

  private final Path library;
  private final Path directory;

  private SoftHsm(Path library, Path directory) {
    this.library = library;
    this.directory = directory;
  }

  /** Makes the token, unless the process has it. It is deleted at the end of the process. */
  public static synchronized SoftHsm shared() throws Exception {
    SoftHsm made = shared;
    if (made == null) {
      made = make();
      shared = made;
    }
    return made;
  }

  private static SoftHsm make() throws Exception {
    Path library =
        Stream.of(
                "/usr/lib/softhsm/libsofthsm2.so",
                "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
            .map(Path::of)
            .filter(Files::exists)
            .findFirst()
            .orElseThrow(() -> new AssertionError("SoftHSM2 is not installed (softhsm2)"));
    Path directory = Files.createTempDirectory("softhsm");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
    Path tokens = Files.createDirectory(directory.resolve("tokens"));
    Path configuration =
        Files.writeString(
            directory.resolve("softhsm2.conf"),
            "directories.tokendir = "
                + tokens
                + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    ProcessBuilder init =
        new ProcessBuilder(
                "softhsm2-util",
                "--init-token",
                "--free",
                "--label",
                "signet",
                "--so-pin",
                "12345678",
                "--pin",
                PIN)
            .redirectErrorStream(true);
    init.environment().put("SOFTHSM2_CONF", configuration.toString());
    Process process = init.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    setenv("SOFTHSM2_CONF", configuration.toString());
    return new SoftHsm(library, directory);
  }

  /** The PKCS#11 library. */
  public Path library() {
    return library;
  }

  /** A directory for files beside the token. */
  Path directory() {
    return directory;
  }

  /** A key of the token, with the right PIN. */
  public Pkcs11Token.Config config(String label) throws IOException {
    return new Pkcs11Token.Config(library, "signet", pin(PIN), label);
  }

  /** A file with a PIN. */
  Path pin(String pin) throws IOException {
    Path file = directory.resolve("pin-" + System.nanoTime());
    StateFiles.writeSecret(file, pin + "\n");
    return file;
  }

  /**
   * Puts a key with its certificates under a label. A key that is there already stays where it is,
   * with these certificates instead of the old ones.
   */
  public void put(String label, PrivateKey key, List<X509Certificate> chain) throws Exception {
    new Pkcs11Token(config(label), Path.of(""))
        .store()
        .setKeyEntry(label, key, null, chain.toArray(Certificate[]::new));
  }

  /** For the library in this process: Java's own environment cannot be changed. */
  private static void setenv(String name, String value) throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      int result =
          (int)
              Linker.nativeLinker()
                  .downcallHandle(
                      Linker.nativeLinker().defaultLookup().find("setenv").orElseThrow(),
                      FunctionDescriptor.of(
                          ValueLayout.JAVA_INT,
                          ValueLayout.ADDRESS,
                          ValueLayout.ADDRESS,
                          ValueLayout.JAVA_INT))
                  .invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 1);
      assertThat(result).isZero();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      // It is below the directory for temporary files.
    }
  }
}
