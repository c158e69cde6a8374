package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.Reason;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both documents that list reason codes have all of them, and no others. */
class ReasonCodesDocTest {
  private static final Pattern ENTRY = Pattern.compile("(?m)^- `([a-z-]+)`: ");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "docs/security/audit-format.md ### Reason codes",
        "docs/security/policy-reference.md ## Reason codes and what to do"
      })
  void listHasEachReasonOnceAndNoOther(String where) throws Exception {
    String[] fileAndHeading = where.split(" ", 2);
    String text = Repository.text(fileAndHeading[0]);
    String heading = "\n" + fileAndHeading[1] + "\n";
    assertThat(text).contains(heading);
    String section = text.substring(text.indexOf(heading) + heading.length());
    int end = section.indexOf("\n#");
    List<String> listed =
        ENTRY
            .matcher(end < 0 ? section : section.substring(0, end))
            .results()
            .map((MatchResult entry) -> entry.group(1))
            .toList();

    assertThat(listed)
        .containsExactlyInAnyOrderElementsOf(Stream.of(Reason.values()).map(Reason::code).toList());
  }
}
