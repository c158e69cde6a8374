package io.signetmesh.rego;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BundleArchiveTest {
  private static final byte[] MODULE = {0, 'a', 's', 'm'};

  @Test
  void readsWhatOpaWrites() throws InvalidRegoException {
    BundleArchive.Content content = BundleArchive.read(TestBundles.bundle("roles"));
    assertThat(content.module()).startsWith(0, 'a', 's', 'm');
    assertThat(new String(content.data(), UTF_8)).contains("\"alice\"");
  }

  @Test
  void dataNeedNotBeThere() throws InvalidRegoException {
    assertThat(BundleArchive.read(TestBundles.bundleOf(MODULE)).data()).asString().isEqualTo("{}");
  }

  @Test
  void whatOpaWritesBesideIsLeftOut() throws InvalidRegoException {
    Map<String, byte[]> files = new HashMap<>();
    files.put("/policy.wasm", MODULE);
    files.put("/.manifest", "{}".getBytes(UTF_8));
    files.put("/.signatures.json", "{}".getBytes(UTF_8));
    files.put("/a/b/c.rego", "package c".getBytes(UTF_8));
    assertThat(BundleArchive.read(TestBundles.gzip(TestBundles.tar(files))).module())
        .isEqualTo(MODULE);
  }

  @Test
  void longNamesAreRead() throws InvalidRegoException {
    String path = "a/".repeat(100) + "policy.rego";
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String line = " path=" + path + "\n";
    TestBundles.entry(out, "x", 'x', ((line.length() + 3) + line).getBytes(UTF_8));
    TestBundles.entry(out, "a", '0', new byte[3]);
    TestBundles.entry(out, "policy.wasm", '0', MODULE);
    out.writeBytes(new byte[1024]);
    assertThat(BundleArchive.read(TestBundles.gzip(out.toByteArray())).module()).isEqualTo(MODULE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../policy.rego",
        "/../policy.rego",
        "a/../../policy.rego",
        "a//policy.rego",
        "./policy.rego",
        "//policy.rego",
        "a/",
        ""
      })
  void pathsThatLeadElsewhereAreRefused(String name) {
    assertRefused(tarOf(name, '0'), "expected a path without empty parts, . and ..");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"policy.sh", "a/policy.wasm", "data.yaml", "a/data.json", "plan.json", ".rego.x"})
  void otherFilesAreRefused(String name) {
    assertRefused(tarOf(name, '0'), "expected policy.wasm, data.json");
  }

  @ParameterizedTest
  @ValueSource(chars = {'1', '2', '3', '5', 'L', 'g', 'S', 'Z'})
  void whatIsNoFileIsRefused(char type) {
    assertRefused(tarOf("policy.rego", type), "that is no file");
  }

  private static byte[] tarOf(String name, int type) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TestBundles.entry(out, "policy.wasm", '0', MODULE);
    TestBundles.entry(out, name, type, new byte[0]);
    out.writeBytes(new byte[1024]);
    return TestBundles.gzip(out.toByteArray());
  }

  @Test
  void twoOfANameAreRefused() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TestBundles.entry(out, "policy.wasm", '0', MODULE);
    TestBundles.entry(out, "/policy.wasm", '0', MODULE);
    out.writeBytes(new byte[1024]);
    assertRefused(TestBundles.gzip(out.toByteArray()), "two entries \"policy.wasm\"");
  }

  @Test
  void withoutAModuleItIsRefused() {
    assertRefused(
        TestBundles.gzip(TestBundles.tar(Map.of("data.json", "{}".getBytes(UTF_8)))),
        "no policy.wasm: build it by opa build -t wasm --entrypoint RULE");
  }

  @Test
  void bombsAreNotUnpacked() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TestBundles.entry(out, "policy.wasm", '0', new byte[100 << 20]);
    byte[] bomb = TestBundles.gzip(out.toByteArray());
    assertThat(bomb).hasSizeLessThan(1 << 20);
    assertRefused(bomb, "has 104,857,600 bytes, at most 1,048,576 are read");

    ByteArrayOutputStream many = new ByteArrayOutputStream();
    for (int i = 0; i < 9; i++) {
      TestBundles.entry(many, i + ".rego", '0', new byte[1 << 19]);
    }
    assertRefused(TestBundles.gzip(many.toByteArray()), "unpacks to more than 4,194,304 bytes");

    ByteArrayOutputStream entries = new ByteArrayOutputStream();
    for (int i = 0; i < 1001; i++) {
      TestBundles.entry(entries, i + ".rego", '0', new byte[0]);
    }
    assertRefused(TestBundles.gzip(entries.toByteArray()), "more than 1000 entries");

    assertRefused(TestBundles.gzip(new byte[100 << 20]), "unpacks to more than 4,194,304 bytes");
  }

  @Test
  void largeBundlesAreRefused() {
    byte[] noise = new byte[1 << 20];
    new Random(1).nextBytes(noise);
    assertRefused(TestBundles.bundleOf(noise), "at most 1,048,576 are read");
  }

  @Test
  void sizesThatAreNoneAreRefused() {
    byte[] tar = TestBundles.tar(Map.of("policy.wasm", MODULE));
    Arrays.fill(tar, 124, 135, (byte) '7');
    assertRefused(TestBundles.gzip(summed(tar)), "an entry has 8589934591 bytes");
    tar[124] = (byte) 0x80;
    assertRefused(TestBundles.gzip(summed(tar)), "a number that is not octal");
  }

  private static byte[] summed(byte[] tar) {
    int sum = 8 * ' ';
    for (int i = 0; i < 512; i++) {
      sum += i >= 148 && i < 156 ? 0 : tar[i] & 0xff;
    }
    byte[] text = "%06o\0 ".formatted(sum).getBytes(UTF_8);
    System.arraycopy(text, 0, tar, 148, 8);
    return tar;
  }

  @Test
  void aWrongChecksumIsRefused() {
    byte[] tar = TestBundles.tar(Map.of("policy.wasm", MODULE));
    tar[0] = 'P';
    assertRefused(TestBundles.gzip(tar), "the checksum of an entry is wrong");
  }

  @Test
  void truncatedFilesAreRefused() {
    byte[] bundle = TestBundles.bundle("roles");
    for (int length = 0; length < bundle.length; length += 1 + length / 7) {
      assertRefused(Arrays.copyOf(bundle, length), "the bundle");
    }
    byte[] tar = TestBundles.tar(Map.of("policy.wasm", MODULE));
    for (int length : new int[] {0, 1, 511, 512, 515, 1023, 1024, 1536, 2047}) {
      assertRefused(
          TestBundles.gzip(Arrays.copyOf(tar, Math.min(length, tar.length - 1))),
          "the bundle is no whole gzipped tar");
    }
  }

  @Test
  void whatFollowsTheEndIsRefused() {
    byte[] tar = TestBundles.tar(Map.of("policy.wasm", MODULE));
    byte[] longer = Arrays.copyOf(tar, tar.length + 1024);
    longer[tar.length + 600] = 1;
    assertRefused(TestBundles.gzip(longer), "goes on behind the end of its tar");
  }

  private static void assertRefused(byte[] bundle, String error) {
    assertThatThrownBy(() -> BundleArchive.read(bundle))
        .isInstanceOf(InvalidRegoException.class)
        .hasMessageContaining(error);
  }
}
