package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.admission.AdmissionRules;
import io.signetmesh.crds.manifest.ManifestFinding;
import io.signetmesh.crds.manifest.ManifestReader;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Reason;
import java.io.IOException;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Holds docs/security/jwt.md to the code. */
class JwtDocTest {
  private static final Pattern MANIFESTS =
      Pattern.compile("^```yaml\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

  private static String document() throws IOException {
    return Repository.text("docs/security/jwt.md");
  }

  @Test
  void itsManifestsAreValid() throws Exception {
    List<String> blocks = MANIFESTS.matcher(document()).results().map(MatchResult::group).toList();
    assertThat(blocks).hasSizeGreaterThan(5);
    for (String block : blocks) {
      String manifests = block.substring(block.indexOf('\n') + 1, block.lastIndexOf("```"));
      assertThat(new ManifestReader(AdmissionRules::check).read("jwt.md", manifests).findings())
          .as(manifests)
          .filteredOn(ManifestFinding::isError)
          .isEmpty();
    }
  }

  @Test
  void theCodesThatItNamesExist() throws Exception {
    String document = document();
    for (Reason reason :
        List.of(Reason.TOKEN_REQUIRED, Reason.TOKEN_INVALID, Reason.CLAIM_MISMATCH)) {
      assertThat(document).contains("`" + reason.code() + "`");
    }
    for (TokenFailure failure :
        List.of(
            TokenFailure.KEYS_UNAVAILABLE,
            TokenFailure.KEYS_EXPIRED,
            TokenFailure.KEY_UNKNOWN,
            TokenFailure.AUDIENCE,
            TokenFailure.EXPIRED,
            TokenFailure.NOT_YET_VALID,
            TokenFailure.ISSUED_IN_FUTURE,
            TokenFailure.MULTIPLE_TOKENS)) {
      assertThat(document).contains("`" + failure.code() + "`");
    }
  }
}
