package io.signetmesh.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.crds.policy.Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class DirectorySourceTest {
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  @TempDir Path directory;

  private final News news = new News();
  private final List<DirectorySource> opened = new ArrayList<>();

  /** What listeners hear, in order. */
  private static final class News implements ClusterListener {
    private final BlockingQueue<ClusterView> views = new LinkedBlockingQueue<>();

    @Override
    public void changed(ClusterView view, ClusterChange change) {
      views.add(view);
    }
  }

  private static <T> T await(BlockingQueue<T> queue) throws InterruptedException {
    T item = queue.poll(DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
    assertThat(item).as("news within %s", DEADLINE).isNotNull();
    return item;
  }

  private static String server(String name, int port) {
    return """
    ---
    apiVersion: policy.linkerd.io/v1beta3
    kind: Server
    metadata: {name: %s, namespace: shop}
    spec: {port: %d, podSelector: {matchLabels: {app: web}}}
    """
        .formatted(name, port);
  }

  private DirectorySource open() throws Exception {
    DirectorySource source = DirectorySource.open(directory);
    opened.add(source);
    source.subscribe(news);
    await(news.views);
    return source;
  }

  private static int port(ClusterView view, String name) {
    return view.get(Server.class, "shop", name).orElseThrow().spec().port().getIntVal();
  }

  @AfterEach
  void close() {
    opened.forEach(DirectorySource::close);
  }

  @Test
  void readsTheDirectoryBeforeItOpens() throws Exception {
    Files.writeString(directory.resolve("web.yaml"), server("web", 80) + server("api", 90));
    DirectorySource source = open();
    assertThat(source.view().servers("shop")).hasSize(2);
    assertThat(source.view().positionOf(source.view().servers("shop").getFirst()))
        .hasValueSatisfying(position -> assertThat(position.line()).isEqualTo(7));
  }

  @Test
  void opensNothingThatIsNotValid() throws IOException {
    Files.writeString(directory.resolve("a.yaml"), server("web", 80).replace("port", "prt"));
    Files.writeString(
        directory.resolve("b.yaml"),
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: NetworkAuthentication
        metadata: {name: office, namespace: shop}
        spec: {networks: [{cidr: 10.0.0.0/33}, {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}
        """);
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidManifestsException.class)
        .hasMessageContaining(directory + ": 3 errors in the manifests")
        .hasMessageContaining(directory.resolve("a.yaml") + ":5:8: error: ")
        .hasMessageContaining("unknown field \"prt\"")
        .hasMessageContaining(
            directory.resolve("b.yaml")
                + ":4:26: error: NetworkAuthentication.policy.linkerd.io shop/office:"
                + " spec.networks[0].cidr: \"10.0.0.0/33\" is not a network")
        .hasMessageContaining("b.yaml:4:68: error");
    assertThatThrownBy(() -> DirectorySource.open(directory.resolve("nowhere")))
        .isInstanceOf(InvalidManifestsException.class)
        .hasMessageContaining("cannot be read");
  }

  @Test
  void objectsWithoutNamespaceAreOfTheDefaultOne() throws Exception {
    Files.writeString(
        directory.resolve("web.yaml"), server("web", 80).replace(", namespace: shop", ""));
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidManifestsException.class)
        .hasMessageContaining("--default-namespace");
    try (DirectorySource source = DirectorySource.open(directory, "shop")) {
      assertThat(port(source.view(), "web")).isEqualTo(80);
    }
  }

  @Test
  void passesOverWhatHasNothingToDoWithTheMesh() throws Exception {
    Files.writeString(
        directory.resolve("web.yaml"),
        server("web", 80)
            + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: [b]}\n");
    ClusterView view = open().view();
    assertThat(view.objects()).hasSize(1);
    assertThat(view.findings()).isEmpty();
  }

  @Test
  void takesAnEditOverWithinASecond() throws Exception {
    Path file = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    open();
    long best = Long.MAX_VALUE;
    for (int port = 81; port < 86; port++) {
      long start = System.nanoTime();
      Files.writeString(file, server("web", port));
      assertThat(port(await(news.views), "web")).isEqualTo(port);
      best = Math.min(best, System.nanoTime() - start);
    }
    assertThat(Duration.ofNanos(best)).isLessThan(Duration.ofSeconds(1));
  }

  @Test
  void takesOverFilesThatAreMovedIntoPlaceAddedAndRemoved() throws Exception {
    Path file = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    open();
    Path temporary = Files.writeString(directory.resolve(".web.yaml.tmp"), server("web", 81));
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    assertThat(port(await(news.views), "web")).isEqualTo(81);

    Path nested = Files.createDirectories(directory.resolve("a/b"));
    Files.writeString(nested.resolve("api.yaml"), server("api", 90));
    assertThat(await(news.views).servers("shop")).hasSize(2);
    Files.writeString(nested.resolve("api.yaml"), server("api", 91));
    assertThat(port(await(news.views), "api")).isEqualTo(91);

    Files.delete(file);
    assertThat(await(news.views).servers("shop")).hasSize(1);
  }

  @Test
  void anInvalidObjectKeepsItsLastGoodFormWhileTheRestApplies() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    Path api = Files.writeString(directory.resolve("api.yaml"), server("api", 90));
    DirectorySource source = open();
    Files.writeString(
        web, server("web", 81).replace("port: 81", "port: [81]") + server("more", 70));
    ClusterView view = await(news.views);
    assertThat(view.findings())
        .singleElement()
        .asString()
        .startsWith(web + ":5:14: error: Server.policy.linkerd.io shop/web: spec.port: ");
    assertThat(port(view, "web")).isEqualTo(80);
    assertThat(port(view, "more")).isEqualTo(70);

    Files.writeString(api, server("api", 91));
    view = await(news.views);
    assertThat(port(view, "api")).isEqualTo(91);
    assertThat(port(view, "web")).isEqualTo(80);
    assertThat(view.findings()).hasSize(1);

    Files.writeString(web, server("web", 82));
    view = await(news.views);
    assertThat(port(view, "web")).isEqualTo(82);
    assertThat(view.servers("shop")).hasSize(2);
    assertThat(view.findings()).isEmpty();
    assertThat(source.view()).isSameAs(view);
  }

  @Test
  void findingsMoveWithTheTextAndAreToldWithTheView() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    open();
    Files.writeString(web, server("web", 81).replace("port", "prt"));
    assertThat(await(news.views).findings().getFirst()).asString().startsWith(web + ":5:");
    Files.writeString(web, "# a comment\n" + server("web", 81).replace("port", "prt"));
    ClusterView view = await(news.views);
    assertThat(view.findings().getFirst()).asString().startsWith(web + ":6:");
    assertThat(port(view, "web")).isEqualTo(80);
  }

  @Test
  void aSyntaxErrorTakesNothingAwayThatItsFileHeld() throws Exception {
    Path web =
        Files.writeString(directory.resolve("web.yaml"), server("web", 80) + server("api", 90));
    Path more = Files.writeString(directory.resolve("more.yaml"), server("more", 70));
    open();
    Files.writeString(web, server("web", 81) + "---\nnonsense: [");
    ClusterView view = await(news.views);
    assertThat(view.servers("shop")).hasSize(3);
    Files.delete(more);
    while (view.servers("shop").size() > 2) {
      view = await(news.views);
    }
    assertThat(port(view, "web")).isEqualTo(81);
    assertThat(port(view, "api")).isEqualTo(90);
    assertThat(view.findings())
        .anySatisfy(finding -> assertThat(finding).asString().contains(web + ":7:12: error"))
        .anySatisfy(
            finding ->
                assertThat(finding)
                    .asString()
                    .contains("warning: Server.policy.linkerd.io shop/api: stays as last read"));
    Files.writeString(web, server("web", 81));
    view = await(news.views);
    assertThat(view.servers("shop")).hasSize(1);
    assertThat(view.findings()).isEmpty();
  }

  @Test
  void neverTakesATruncatedFileForAnEmptyOne() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    open();
    Files.writeString(web, "");
    ClusterView view = await(news.views);
    assertThat(view.findings().getFirst().message()).isEqualTo("is empty");
    assertThat(view.servers("shop")).hasSize(1);
  }

  @Test
  void followsTheLinksOfAMountedConfigMap() throws Exception {
    version("..1", server("web", 80));
    Files.createSymbolicLink(directory.resolve("..data"), Path.of("..1"));
    Files.createSymbolicLink(directory.resolve("web.yaml"), Path.of("..data/web.yaml"));
    DirectorySource source = open();
    assertThat(source.view().servers("shop")).hasSize(1);
    version("..2", server("web", 81));
    Path link = Files.createSymbolicLink(directory.resolve("..data_tmp"), Path.of("..2"));
    Files.move(link, directory.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(port(await(news.views), "web")).isEqualTo(81);
  }

  private void version(String name, String text) throws IOException {
    Files.writeString(Files.createDirectory(directory.resolve(name)).resolve("web.yaml"), text);
  }

  @Test
  void findsChangesThatTheFileSystemDoesNotTellOf(@TempDir Path elsewhere) throws Exception {
    Path target = Files.writeString(elsewhere.resolve("web.yaml"), server("web", 80));
    Files.createSymbolicLink(directory.resolve("web.yaml"), target);
    open();
    Files.writeString(target, server("web", 81));
    assertThat(port(await(news.views), "web")).isEqualTo(81);
  }

  @Test
  void findsAnEditThatLeavesTimeAndLengthAsTheyWere() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    FileTime time = Files.getLastModifiedTime(web);
    open();
    Files.writeString(web, server("web", 81));
    Files.setLastModifiedTime(web, time);
    assertThat(port(await(news.views), "web")).isEqualTo(81);
  }

  @Test
  void findsAnEditOfAnOldFileWhoseTimeLengthAndInodeStayed() throws Exception {
    FileTime old = FileTime.from(Instant.parse("2020-01-01T00:00:00Z"));
    Path file = directory.resolve("web.yaml");
    Files.writeString(file, server("web", 8080));
    Files.setLastModifiedTime(file, old);
    open();
    // Settled: looked at again and again, and not read any more.
    Files.writeString(directory.resolve("other.yaml"), server("other", 1));
    await(news.views);

    Files.writeString(file, server("web", 9090));
    Files.setLastModifiedTime(file, old);

    assertThat(port(await(news.views), "web")).isEqualTo(9090);
  }

  @Test
  void survivesTheLossOfTheDirectory(@TempDir Path parent) throws Exception {
    directory = Files.createDirectory(parent.resolve("manifests"));
    Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    DirectorySource source = open();
    Files.move(directory, parent.resolve("away"));
    assertThat(await(news.views).findings().getFirst().message()).contains("cannot be read");
    assertThat(source.view().servers("shop")).hasSize(1);
    Files.createDirectory(directory);
    Files.writeString(directory.resolve("api.yaml"), server("api", 90));
    ClusterView view = await(news.views);
    while (view.get(Server.class, "shop", "api").isEmpty()) {
      view = await(news.views);
    }
    assertThat(port(view, "api")).isEqualTo(90);
    assertThat(view.servers("shop")).hasSize(1);
    Files.writeString(directory.resolve("api.yaml"), server("api", 91));
    assertThat(port(await(news.views), "api")).isEqualTo(91);
  }

  @Test
  void survivesAFileOverWhichMemoryRunsOut() throws Exception {
    Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    ManifestReader reader =
        new ManifestReader(
            (object, unread) -> {
              if (object.getMetadata().getName().equals("bomb")) {
                throw new OutOfMemoryError("Java heap space");
              }
              return List.of();
            });
    DirectorySource source = DirectorySource.open(directory, reader, InstantSource.system());
    opened.add(source);
    source.subscribe(news);
    await(news.views);
    Path bomb = Files.writeString(directory.resolve("bomb.yaml"), server("bomb", 1));
    assertThat(await(news.views).findings())
        .singleElement()
        .matches(ManifestFinding::isError)
        .asString()
        .contains("reading failed", "OutOfMemoryError", "everything stays as last read");
    assertThat(port(source.view(), "web")).isEqualTo(80);
    Files.delete(bomb);
    Files.writeString(directory.resolve("web.yaml"), server("web", 81));
    ClusterView view = await(news.views);
    while (!view.findings().isEmpty() || port(view, "web") != 81) {
      view = await(news.views);
    }
  }

  @Test
  void aListWithASlipInItsVersionTakesNothingAwayThatItsFileHeld() throws Exception {
    Path file = Files.writeString(directory.resolve("web.yaml"), list("v1"));
    DirectorySource source = open();
    assertThat(port(source.view(), "web")).isEqualTo(80);
    Files.writeString(file, list("core/v1"));
    assertThat(await(news.views).findings()).anyMatch(ManifestFinding::isError);
    assertThat(port(source.view(), "web")).isEqualTo(80);
  }

  private static String list(String apiVersion) {
    return "apiVersion: "
        + apiVersion
        + "\nkind: List\nitems:\n- "
        + server("web", 80).substring(4).strip().replace("\n", "\n  ")
        + "\n";
  }

  @Test
  void keepsObjectsThatDidNotChange() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    Files.writeString(directory.resolve("api.yaml"), server("api", 90));
    DirectorySource source = open();
    Server api = source.view().get(Server.class, "shop", "api").orElseThrow();
    Files.writeString(web, server("web", 81));
    ClusterView view = await(news.views);
    assertThat(view.get(Server.class, "shop", "api").orElseThrow()).isSameAs(api);
  }

  @Test
  void saysNothingMoreOnceClosed() throws Exception {
    Path web = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    DirectorySource source = open();
    source.close();
    Files.writeString(web, server("web", 81));
    assertThat(news.views.poll(500, TimeUnit.MILLISECONDS)).isNull();
    assertThat(port(source.view(), "web")).isEqualTo(80);
  }

  @Test
  void aPipeAmongTheManifestsKeepsNoEditFromBeingInForce() throws Exception {
    Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    open();
    Path pipe = directory.resolve("pipe.yaml");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    ClusterView told = await(news.views);
    assertThat(told.findings())
        .anyMatch(finding -> finding.isError() && finding.toString().contains("pipe.yaml"));
    Files.writeString(directory.resolve("web.yaml"), server("web", 81));
    assertThat(port(await(news.views), "web")).isEqualTo(81);
    Files.delete(pipe);
    assertThat(await(news.views).findings()).isEmpty();
  }

  @Test
  void aReadingThatHangsIsToldAndEverythingStays() throws Exception {
    Path file = Files.writeString(directory.resolve("web.yaml"), server("web", 80));
    CountDownLatch hung = new CountDownLatch(1);
    AtomicBoolean hang = new AtomicBoolean();
    ManifestReader reader =
        new ManifestReader(
            (object, unread) -> {
              if (hang.get()) {
                try {
                  hung.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              }
              return List.of();
            });
    DirectorySource source =
        DirectorySource.open(directory, reader, InstantSource.system(), Duration.ofMillis(200));
    opened.add(source);
    source.subscribe(news);
    await(news.views);
    hang.set(true);
    Files.writeString(file, server("web", 81));
    ClusterView told = await(news.views);
    assertThat(port(told, "web")).isEqualTo(80);
    assertThat(told.findings())
        .singleElement()
        .matches(ManifestFinding::isError)
        .asString()
        .contains("are being read since", "edits made since then are not in force");
    hung.countDown();
    ClusterView last = await(news.views);
    while (port(last, "web") == 80 || !last.findings().isEmpty()) {
      last = await(news.views);
    }
    assertThat(port(last, "web")).isEqualTo(81);
  }
}
