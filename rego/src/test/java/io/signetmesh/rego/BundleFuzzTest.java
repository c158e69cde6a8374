package io.signetmesh.rego;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BundleFuzzTest {
  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** A module of the smallest kind: it imports what a policy imports, and has one function. */
  private static byte[] small() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0, 'a', 's', 'm', 1, 0, 0, 0});
    TestModule.section(out, 1, new byte[] {1, 0x60, 1, 0x7f, 1, 0x7f});
    TestModule.section(
        out, 2, new byte[] {1, 3, 'e', 'n', 'v', 6, 'm', 'e', 'm', 'o', 'r', 'y', 2, 0, 2});
    TestModule.section(out, 3, new byte[] {1, 0});
    TestModule.section(out, 4, new byte[] {1, 0x70, 0, 1});
    TestModule.section(out, 6, new byte[] {1, 0x7f, 0, 0x41, 1, 0x0b});
    TestModule.section(out, 7, new byte[] {1, 4, 'e', 'v', 'a', 'l', 0, 0});
    TestModule.section(out, 9, new byte[] {1, 0, 0x41, 0, 0x0b, 1, 0});
    TestModule.section(out, 10, new byte[] {1, 4, 0, 0x20, 0, 0x0b});
    TestModule.section(out, 11, new byte[] {1, 0, 0x41, 16, 0x0b, 1, 'x'});
    return out.toByteArray();
  }

  static Stream<Arguments> bundles() {
    byte[] tar = TestBundles.tar(Map.of("policy.wasm", small()));
    return Stream.of(tar, Arrays.copyOf(tar, 700), new byte[512])
        .map(bytes -> Arguments.of((Object) bytes));
  }

  static Stream<Arguments> modules() {
    byte[] small = small();
    return Stream.of(small, Arrays.copyOf(small, 40), new byte[8])
        .map(bytes -> Arguments.of((Object) bytes));
  }

  /** The bytes as a tar that is gzipped, and as a bundle. Nothing but one exception is thrown. */
  @MethodSource("bundles")
  @FuzzTest(maxDuration = "10m")
  void bytesOfABundle(byte[] input) {
    long begun = System.nanoTime();
    read(input);
    read(TestBundles.gzip(input));
    check(begun);
  }

  private static void read(byte[] bundle) {
    try {
      BundleArchive.read(bundle);
    } catch (InvalidRegoException e) {
      return;
    }
  }

  /** The bytes as a module. It is compiled or refused, and neither takes long. */
  @MethodSource("modules")
  @FuzzTest(maxDuration = "10m")
  void bytesOfAModule(byte[] input) {
    long begun = System.nanoTime();
    try {
      TestBundles.code(TestBundles.bundleOf(input));
    } catch (InvalidRegoException e) {
      check(begun);
      return;
    }
    check(begun);
  }

  private static void check(long begun) {
    long nanos = System.nanoTime() - begun;
    if (nanos > MAX_NANOS) {
      throw new AssertionError("took " + nanos + " ns");
    }
  }
}
