package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelectorTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "unix:uid:0",
        "unix:uid:4294967294",
        "unix:gid:1000",
        "unix:path:/usr/bin/with:colon",
        "unix:sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      })
  void whatSpireNamesIsReadAndWrittenAlike(String text) {
    assertThat(Selector.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "uid:0",
        "unix:",
        "unix:uid",
        "unix:uid:",
        "unix:uid:-1",
        "unix:uid:01",
        "unix:uid:1 ",
        "unix:uid:4294967295",
        "unix:uid:99999999999",
        "unix:user:root",
        "unix:UID:0",
        "unix:path:bin/web",
        "unix:path:",
        "unix:sha256:ABCDEF",
        "docker:label:a:b"
      })
  void anythingElseIsRefusedByName(String text) {
    assertThatThrownBy(() -> Selector.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("selector \"" + text + "\"")
        .hasMessageContaining("expected");
  }

  @Test
  void theIdThatStandsForEveryForeignUserIsRefused() {
    assertThatThrownBy(() -> Selector.parse("unix:uid:65534"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("another user namespace");
  }

  @Test
  void anEntryWithoutSelectorsIsRefused() {
    WorkloadIdentity web = new WorkloadIdentity("web", "shop", "signet", "cluster.local");

    assertThatThrownBy(() -> new WorkloadEntry(web, Path.of("token"), List.of(), ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no selector");
  }

  @Test
  void anEntryWithoutAUserIsRefusedBecauseEveryUserCanMeetTheOthers() {
    WorkloadIdentity web = new WorkloadIdentity("web", "shop", "signet", "cluster.local");
    List<Selector> narrow =
        List.of(
            Selector.parse("unix:path:/usr/bin/web"),
            Selector.parse("unix:gid:1000"),
            Selector.parse("unix:sha256:" + "0".repeat(64)));

    assertThatThrownBy(() -> new WorkloadEntry(web, Path.of("token"), narrow, ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected unix:uid:NUMBER")
        .hasMessageContaining("only narrow within a user");
  }
}
