package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecordedTargetTest {
  @ParameterizedTest
  @CsvSource({
    "/a/b, /a/b",
    "/a?secret, /a",
    "/a#secret, /a",
    "/a%3Fsecret, /a",
    "/a%3fsecret, /a",
    "/a%23secret, /a",
    "/a%2523secret, /a",
    "/a%25253Fsecret, /a",
    "/a;secret, /a;",
    "/a;v=secret/b;w=secret;secret, /a;/b;",
    "/a%3Bv%3Dsecret/b, /a%3B/b",
    "/a%3bsecret%2Fb, /a%3b%2Fb",
    "/a%253Bsecret%252fb, /a%253B%252fb",
    "/a;x=secret?secret#secret, /a;",
    "http://user:secret@web/a, web/a",
    "http://user:sec?ret#s@web/a?secret, web/a",
    "user%3Asecret%40web:80, web:80",
    "http://web/a;secret/b, http://web/a;/b",
    "*, *",
  })
  void leavesOutWhatMayBeSecret(String target, String recorded) {
    assertThat(RecordedTarget.of(target)).isEqualTo(recorded).doesNotContain("secret");
  }

  @Test
  void whatIsNotKnownIsEmpty() {
    assertThat(RecordedTarget.of(null)).isEmpty();
  }
}
