package io.signetmesh.audit.tlog;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tree of RFC 6962, by known values. */
final class TreeTest {
  /** Entries of the test tree that implementations of RFC 6962 share. */
  private static final List<String> ENTRIES =
      List.of(
          "",
          "00",
          "10",
          "2021",
          "3031",
          "40414243",
          "5051525354555657",
          "606162636465666768696a6b6c6d6e6f");

  @ParameterizedTest
  @CsvSource({
    "0, e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "1, 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "2, fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "3, aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "4, d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "5, 4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "6, 76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "7, ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "8, 5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  })
  void rootsAreThoseOfTheRfc(int size, String root) {
    TreeEdge edge = new TreeEdge();
    for (String entry : ENTRIES.subList(0, size)) {
      edge.add(TreeHash.ofEntry(HexFormat.of().parseHex(entry)), (level, index, hashes) -> {});
    }

    assertThat(HexFormat.of().formatHex(edge.root().bytes())).isEqualTo(root);
    assertThat(TreeHash.parse(edge.root().toString())).isEqualTo(edge.root());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 256, tile/0/000",
    "0, 1234067, 256, tile/0/x001/x234/067",
    "1, 999, 17, tile/1/999.p/17",
    "63, 1000, 1, tile/63/x001/000.p/1",
    "-1, 1234067, 256, tile/entries/x001/x234/067",
    "-1, 5, 255, tile/entries/005.p/255",
  })
  void pathsAreThoseOfTheSpecification(int level, long index, int width, String path) {
    TilePath tile = new TilePath(level, index, width);

    assertThat(tile).hasToString(path);
    assertThat(TilePath.parse(path)).isEqualTo(tile);
  }

  @Test
  void aPathThatNamesATileInAnotherWayIsRefused() {
    for (String path :
        List.of(
            "tile/00/000",
            "tile/64/000",
            "tile/0/x000/001",
            "tile/0/1",
            "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/entries/../000",
            "/tile/0/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999")) {
      assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> TilePath.parse(path)))
          .as(path)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
