package io.signetmesh.identity.federation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.federation.ForeignDomain.Profile;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TestPki;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FederationFileTest {
  private static final TestPki PKI = TestPki.create("b");
  private static final String SPIFFE =
      """
      trustDomains:
        - trustDomain: b.example
          bundleEndpointUrl: https://b.example:8443/
          profile: https_spiffe
          endpointSpiffeId: spiffe://b.example/server
          initialBundle: b.json
          minRefresh: 10s
          maxRefresh: 2h
      """;

  @TempDir Path directory;

  @BeforeEach
  void bundles() throws Exception {
    Files.write(
        directory.resolve("b.json"), SpiffeBundle.of(PKI.trust(), Duration.ofHours(1)).toJson());
    Files.writeString(
        directory.resolve("b.pem"), Certificates.toPem(List.of(PKI.anchor().getCertificate())));
  }

  private List<ForeignDomain> read(String text) throws Exception {
    return FederationFile.read(
        Files.writeString(directory.resolve("federation.yaml"), text), "a.example");
  }

  @Test
  void readsBothProfiles() throws Exception {
    ForeignDomain spiffe = read(SPIFFE).getFirst();
    ForeignDomain web =
        read("{\"trustDomains\": [{\"trustDomain\": \"c.example\", \"bundleEndpointUrl\":"
                + " \"https://c.example/x?y\", \"profile\": \"https_web\"}]}")
            .getFirst();

    assertThat(spiffe.profile())
        .isInstanceOfSatisfying(
            Profile.Spiffe.class,
            profile -> {
              assertThat(profile.endpointId()).isEqualTo("spiffe://b.example/server");
              assertThat(profile.initial().anchors())
                  .containsExactly(PKI.anchor().getCertificate());
            });
    assertThat(spiffe.minRefresh()).isEqualTo(Duration.ofSeconds(10));
    assertThat(web)
        .isEqualTo(
            new ForeignDomain(
                "c.example",
                URI.create("https://c.example/x?y"),
                new Profile.Web(null),
                Duration.ofSeconds(30),
                Duration.ofHours(1)));
  }

  @Test
  void initialBundleMayBePem() throws Exception {
    assertThat(read(SPIFFE.replace("b.json", "b.pem")).getFirst().profile())
        .isInstanceOfSatisfying(
            Profile.Spiffe.class,
            profile ->
                assertThat(profile.initial().anchors())
                    .containsExactly(PKI.anchor().getCertificate()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "trustDomain: b.example | trustDomain: B.example | trustDomains[0].trustDomain: | labels",
        "trustDomain: b.example | trustDomain: a.example | trustDomains[0].trustDomain: | own",
        "trustDomain: b.example | trustDomain: 7 | trustDomains[0].trustDomain: | a text",
        "trustDomain: b.example | other: b | unknown field \"other\" | trustDomain",
        "https://b.example:8443/ | http://b.example/ | [0].bundleEndpointUrl: | an https URL",
        "https://b.example:8443/ | https://u@b.example/ | [0].bundleEndpointUrl: | an https URL",
        "https://b.example:8443/ | https:/x | [0].bundleEndpointUrl: | an https URL",
        "https_spiffe | spiffe | [0].profile: \"spiffe\" | https_web or https_spiffe",
        "https_spiffe | https_web | [0].endpointSpiffeId: | https_web has no such field",
        "spiffe://b.example/server | spiffe://c.example/server | [0].endpointSpiffeId: | b.example",
        "spiffe://b.example/server | spiffe://b.example/ | [0].endpointSpiffeId: | PATH",
        "initialBundle: b.json | initialBundle: none | [0].initialBundle: | cannot be read",
        "initialBundle: b.json | caFile: b.pem | [0].caFile: | https_spiffe has no such field",
        "minRefresh: 10s | minRefresh: 0s | [0].minRefresh: \"0s\" | 1s to 24h",
        "minRefresh: 10s | minRefresh: 25h | [0].minRefresh: \"25h\" | 1s to 24h",
        "minRefresh: 10s | minRefresh: 3h | [0].minRefresh: 10800s | 7200s",
        "trustDomains | domains | expected one field | trustDomains",
      })
  void errorsNameFieldValueAndWhatIsExpected(
      String right, String wrong, String place, String expected) {
    assertThatThrownBy(() -> read(SPIFFE.replace(right, wrong)))
        .isInstanceOf(PkiException.class)
        .hasMessageContainingAll("federation.yaml", place, expected);
  }

  @Test
  void domainThatIsListedTwiceIsRefused() {
    String entry = SPIFFE.substring(SPIFFE.indexOf('\n') + 1);

    assertThatThrownBy(() -> read(SPIFFE + entry))
        .isInstanceOf(PkiException.class)
        .hasMessageContainingAll("trustDomains[1].trustDomain", "listed twice");
  }

  @Test
  void aliasesAndRepeatedFieldsAreRefused() {
    assertThatThrownBy(() -> read("trustDomains: &a [*a]")).isInstanceOf(PkiException.class);
    assertThatThrownBy(() -> read("trustDomains: []\ntrustDomains: []"))
        .isInstanceOf(PkiException.class);
  }
}
