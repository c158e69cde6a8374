package io.signetmesh.cli.matrix;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class AccessPictureTest {
  @Test
  void escapesWhatNamesMayHold() {
    assertThat(AccessPicture.escaped("<a href=\"x\">&\u0001"))
        .isEqualTo("&lt;a href=&quot;x&quot;&gt;&amp;\ufffd");
  }
}
