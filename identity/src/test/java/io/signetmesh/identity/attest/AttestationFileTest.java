package io.signetmesh.identity.attest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.identity.pki.PkiException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttestationFileTest {
  @TempDir Path directory;

  @Test
  void readsIssuersWithTheirDefaults() throws Exception {
    List<OidcTokens.Issuer> issuers =
        read(
            """
            issuers:
            - issuer: https://kubernetes.default.svc
              keysFile: /etc/keys.json
            - issuer: https://ci.example.com
              discovery: true
              trustFile: /etc/ca.crt
              audience: signet
              algorithms: [ES384]
              clockSkew: 1m
              refresh: 1h
              maxAge: 7d
              rules:
              - claims: {repository: acme/shop, protected: true}
                serviceAccount: shop/deployer
            """);

    OidcTokens.Issuer first = issuers.get(0);
    assertThat(first.keys()).isEqualTo(new OidcTokens.Keys.InFile(Path.of("/etc/keys.json")));
    assertThat(first.audience()).isEqualTo("identity.l5d.io");
    assertThat(first.algorithms()).containsExactlyInAnyOrder("RS256", "ES256");
    assertThat(first.rules()).isEmpty();
    OidcTokens.Issuer second = issuers.get(1);
    assertThat(second.keys()).isEqualTo(new OidcTokens.Keys.Discovered());
    assertThat(second.maxAge()).isEqualTo(Duration.ofDays(7));
    assertThat(second.rules().getFirst().identity().dnsName())
        .isEqualTo("deployer.shop.serviceaccount.identity.signet.cluster.local");
    assertThat(second.rules().getFirst().claims())
        .containsEntry("protected", "true")
        .containsEntry("repository", "acme/shop");
  }

  @Test
  void jsonIsReadToo() throws Exception {
    assertThat(read("{\"issuers\": [{\"issuer\": \"x\", \"keysFile\": \"k\"}]}")).hasSize(1);
  }

  /** Lines of the file are separated by slashes here. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "issuers: [];:1: issuers: expected a list of at least one",
        "isuers: [];:1: field \"isuers\" of the file: expected one of [issuers]",
        "issuers:|- issuer: a;:2: issuer a has 0 sources of keys",
        "issuers:|- keysFile: a;:2: field issuer is missing",
        "issuers:|- issuer: a|  keysFile: b|  keysUrl: https://c;:2: issuer a has 2 sources",
        "issuers:|- issuer: a|  keysUrl: http://c/k;:3: keysUrl \"http://c/k\": expected an https",
        "issuers:|- issuer: a|  discovery: true;:3: discovery of issuer \"a\": expected an https",
        "issuers:|- issuer: a|  keysFile: b|  refresh: 5;:4: refresh \"5\": expected a number and",
        "issuers:|- issuer: a|  keysFile: b|  refresh: 5s;:2: issuer a: refresh PT5S",
        "issuers:|- issuer: a|  keysFile: b|  algorithms: [HS256];:2: issuer a: algorithms [HS256]",
        "issuers:|- issuer: a|  keysFile: b|  algorithms: [none];:2: issuer a: algorithms [none]",
        "issuers:|- issuer: a|  keysFile: b|  keys: c;:4: field \"keys\" of an issuer: expected",
        "issuers:|- issuer: a|  keysFile: b|  keysFile: c;:4",
        "issuers:|- issuer: a|  keysFile: b|- issuer: a|  keysFile: c;:4: issuer a is there twice",
        "issuers:|- issuer: a|  keysFile: b|  rules:|  - claims: {}|    serviceAccount: s/w;"
            + ":5: serviceAccount \"s/w\": expected",
        "issuers:|- issuer: a|  keysFile: b|  rules:|  - claims: {x: y}|    serviceAccount: web;"
            + ":6: serviceAccount \"web\": expected <namespace>/<name>",
        "issuers:|- issuer: a|  keysFile: b|  rules:|  - claims: {x: [y]}|    serviceAccount: s/w;"
            + ":5: claim x: expected text",
        "issuers: {;:1: not YAML",
      })
  void mistakesAreNamedWithTheirLine(String text, String error) {
    assertThatThrownBy(() -> read(text.replace('|', '\n')))
        .isInstanceOf(PkiException.class)
        .hasMessageContaining("attestation.yaml" + error.strip());
  }

  private List<OidcTokens.Issuer> read(String text) throws Exception {
    Path file = Files.writeString(directory.resolve("attestation.yaml"), text);
    return AttestationFile.read(file, "signet", "cluster.local");
  }
}
