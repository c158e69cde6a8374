package io.signetmesh.policy.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.signetmesh.policy.document.DocumentLocation;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bundles in files, whatever name somebody writes. */
final class BundleDirectoryTest {
  @TempDir private Path parent;
  private Path directory;
  private Path root;
  private BundleDirectory bundles;

  @BeforeEach
  void make() throws Exception {
    root = Files.createDirectory(parent.resolve("bundles"));
    directory = Files.createDirectory(root.resolve("shop"));
    bundles = new BundleDirectory(root);
    Files.writeString(parent.resolve("secret"), "secret");
  }

  private String read(String name) throws FetchException {
    return bundles.fetch(DocumentLocation.bundleFile("shop", name)).toStringUtf8();
  }

  private void fails(String name, String message) {
    FetchException failure = assertThrows(FetchException.class, () -> read(name));
    assertThat(failure.kind()).isEqualTo(FetchException.Kind.FILE);
    assertThat(failure.text()).contains(message).doesNotContain(parent.toString());
  }

  @Test
  void aFileIsReadAsItIsNow() throws Exception {
    Files.writeString(directory.resolve("b.tar.gz"), "one");
    assertThat(read("b.tar.gz")).isEqualTo("one");
    Files.writeString(directory.resolve("b.tar.gz"), "two");
    assertThat(read("b.tar.gz")).isEqualTo("two");
    fails(
        "c.tar.gz",
        "there is no file \"c.tar.gz\" in the directory for bundles of namespace \"shop\"");
  }

  @Test
  void linksWithinTheDirectoryAreFollowedAsInAMountedConfigMap() throws Exception {
    Path data = Files.createDirectory(directory.resolve("..2026"));
    Files.writeString(data.resolve("b"), "mounted");
    Files.createSymbolicLink(directory.resolve("..data"), Path.of("..2026"));
    Files.createSymbolicLink(directory.resolve("b"), Path.of("..data/b"));
    assertThat(read("b")).isEqualTo("mounted");
  }

  @Test
  void linksOutOfTheDirectoryAreRefused() throws Exception {
    Files.createSymbolicLink(directory.resolve("a"), Path.of("../../secret"));
    Files.createSymbolicLink(directory.resolve("b"), parent.resolve("secret"));
    Path sibling = Files.createDirectory(directory.resolveSibling("shop2"));
    Files.writeString(sibling.resolve("x"), "secret");
    Files.createSymbolicLink(directory.resolve("c"), sibling.resolve("x"));
    for (String name : new String[] {"a", "b", "c"}) {
      fails(name, "is a link out of the directory for bundles");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"../secret", "/etc/passwd", ".", "..", "", ".hidden", "a/b", "a\0b"})
  void otherNamesAreRefused(String name) {
    fails(name, "in the directory for bundles");
  }

  @Test
  void whatIsNoFileOrTooLargeIsNotRead() throws Exception {
    Files.createDirectory(directory.resolve("d"));
    fails("d", "is no file");
    Files.write(directory.resolve("large"), new byte[(1 << 20) + 1]);
    FetchException failure = assertThrows(FetchException.class, () -> read("large"));
    assertThat(failure.kind()).isEqualTo(FetchException.Kind.SIZE);
    Files.write(directory.resolve("large"), new byte[1 << 20]);
    assertThat(read("large")).hasSize(1 << 20);
  }

  @Test
  void filesOfAnotherNamespaceAreNotRead() throws Exception {
    Path other = Files.createDirectory(root.resolve("other"));
    Files.writeString(other.resolve("b"), "theirs");
    Files.writeString(root.resolve("b"), "of nobody");
    fails("b", "there is no file \"b\" in the directory for bundles of namespace \"shop\"");
    assertThat(bundles.fetch(DocumentLocation.bundleFile("other", "b")).toStringUtf8())
        .isEqualTo("theirs");
    Files.createSymbolicLink(directory.resolve("b"), Path.of("../other/b"));
    fails("b", "is a link out of the directory for bundles of namespace \"shop\"");
    for (String namespace : new String[] {"", ".", "..", "../bundles/other"}) {
      DocumentLocation odd = DocumentLocation.bundleFile(namespace, "b");
      assertThat(assertThrows(FetchException.class, () -> bundles.fetch(odd)).kind())
          .isEqualTo(FetchException.Kind.FILE);
    }
  }

  @Test
  void aNamespaceMayBeALinkWithinTheDirectoryAsInAMountedVolume() throws Exception {
    Path data = Files.createDirectories(root.resolve("..2026/mounted"));
    Files.writeString(data.resolve("b"), "mounted");
    Files.createSymbolicLink(root.resolve("mounted"), Path.of("..2026/mounted"));
    Files.createSymbolicLink(root.resolve("all"), Path.of("."));
    Files.writeString(root.resolve("b"), "of nobody");
    assertThat(bundles.fetch(DocumentLocation.bundleFile("mounted", "b")).toStringUtf8())
        .isEqualTo("mounted");
    DocumentLocation all = DocumentLocation.bundleFile("all", "b");
    assertThrows(FetchException.class, () -> bundles.fetch(all));
  }

  @Test
  void withoutADirectoryNoFileIsRead() {
    bundles = new BundleDirectory(null);
    fails("b", "the policy controller has no --rego-bundle-directory");
  }
}
