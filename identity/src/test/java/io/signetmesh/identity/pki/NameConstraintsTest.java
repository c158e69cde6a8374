package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.io.IOException;
import java.net.InetAddress;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Name constraints of each kind of name (RFC 5280 section 4.2.1.10). */
class NameConstraintsTest {
  private static final String NAME_CONSTRAINTS = "2.5.29.30";
  private static final String SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
  private static final X509Bundle ANCHOR = TestPki.selfSigned(TestPki.ca("CN=anchor", 2));

  /** Each leaf has the name {@code web.example} besides the one under test. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # kind  | permitted            | excluded        | name                  | verifies
          dns     | example              | -               | api.example           | true
          dns     | web.example          | -               | api.example           | false
          dns     | -                    | api.example     | v1.api.example        | false
          dns     | -                    | api.example     | xapi.example          | true
          ip      | 10.0.0.0/8           | -               | 10.1.2.3              | true
          ip      | 10.0.0.0/8           | -               | 11.1.2.3              | false
          ip      | 10.0.0.0/8           | -               | fd00::1               | false
          ip      | fd00::/16            | -               | fd00::1               | true
          ip      | fd00::/16            | -               | fe00::1               | false
          ip      | -                    | 10.0.0.0/8      | 10.1.2.3              | false
          ip      | -                    | 10.0.0.0/8      | 11.1.2.3              | true
          ip      | 10.0.0.0/8           | 10.1.0.0/16     | 10.1.2.3              | false
          ip      | 10.0.0.0/8           | 10.1.0.0/16     | 10.2.2.3              | true
          email   | example.com          | -               | ops@example.com       | true
          email   | ops@example.com      | -               | ops@example.com       | true
          email   | ops@example.com      | -               | dev@example.com       | false
          email   | .example.com         | -               | ops@mail.example.com  | true
          email   | .example.com         | -               | ops@example.com       | false
          email   | example.com          | -               | ops@example.org       | false
          email   | -                    | example.com     | ops@example.com       | false
          email   | -                    | example.com     | ops@example.org       | true
          uri     | example.com          | -               | spiffe://example.com/a| true
          uri     | .example.com         | -               | spiffe://a.example.com/b | true
          uri     | .example.com         | -               | spiffe://example.org/b | false
          uri     | -                    | example.com     | spiffe://example.com/a | false
          dn      | O=Mesh               | -               | O=Mesh,CN=a           | true
          dn      | O=Mesh               | -               | O=Other,CN=a          | false
          dn      | O=Mesh,OU=Shop       | -               | O=Mesh,OU=Shop,CN=a   | true
          dn      | -                    | O=Mesh          | O=Mesh,CN=a           | false
          dn      | -                    | O=Mesh          | O=Other,CN=a          | true
          """)
  void nameIsHeldToTheConstraintsOfItsKind(
      String kind,
      @Nullable String permitted,
      @Nullable String excluded,
      String name,
      boolean verifies)
      throws Exception {
    X509Bundle issuer = issuer(subtrees(kind, permitted), subtrees(kind, excluded));
    List<X509Certificate> chain =
        List.of(leaf(issuer, general(kind, name)), issuer.getCertificate());

    assertThat(verifies(chain)).isEqualTo(verifies);
  }

  /** The subject is a directory name of its own, with or without alternative names. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          O=Mesh | O=Mesh,CN=workload  | true
          O=Mesh | O=mesh , CN=workload| true
          O=Mesh | CN=workload         | false
          O=Mesh | CN=workload,O=Mesh  | false
          """)
  void subjectIsHeldToConstraintsOverDirectoryNames(
      String permitted, String subject, boolean verifies) throws Exception {
    X509Bundle issuer = issuer(subtrees("dn", permitted), null);
    CertificateBuilder leaf = TestPki.leaf("web.example").subject(reversed(subject));
    List<X509Certificate> chain =
        List.of(TestPki.issued(leaf, issuer).getCertificate(), issuer.getCertificate());

    assertThat(verifies(chain)).isEqualTo(verifies);
  }

  @Test
  void constraintsOfOneKindSayNothingOfOtherKinds() throws Exception {
    for (String[] constraint :
        new String[][] {
          {"ip", "10.0.0.0/8"}, {"email", "example.com"}, {"uri", "example.com"}, {"dns", "example"}
        }) {
      X509Bundle issuer = issuer(subtrees(constraint[0], constraint[1]), null);

      assertThat(verifies(List.of(leaf(issuer), issuer.getCertificate())))
          .as(constraint[0])
          .isTrue();
    }
  }

  @Test
  void constraintsOfAllIssuersHold() throws Exception {
    X509Bundle upper = issuer(subtrees("dns", "example"), null);
    X509Bundle lower =
        TestPki.issued(
            constrained(TestPki.ca("CN=lower", 0), subtrees("dns", "web.example"), null), upper);
    X509Bundle elsewhere =
        TestPki.issued(
            constrained(TestPki.ca("CN=elsewhere", 0), subtrees("dns", "other"), null), upper);

    assertThat(verifies(List.of(leaf(lower), lower.getCertificate(), upper.getCertificate())))
        .isTrue();
    assertThat(
            verifies(List.of(leaf(elsewhere), elsewhere.getCertificate(), upper.getCertificate())))
        .isFalse();
  }

  /** What two issuers of a path permit is what both permit. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ip    | 10.0.0.0/8      | 10.0.0.0/8       | 10.1.2.3           | true
          ip    | 10.0.0.0/8      | 10.1.0.0/16      | 10.1.2.3           | true
          ip    | 10.1.0.0/16     | 10.0.0.0/8       | 10.1.2.3           | true
          ip    | 10.1.0.0/16     | 10.0.0.0/8       | 10.2.2.3           | false
          ip    | 10.0.0.0/8      | 10.1.0.0/16      | 10.2.2.3           | false
          ip    | 10.1.0.0/16     | 10.2.0.0/16      | 10.2.2.3           | false
          ip    | fd00::/16       | fd00:1::/32      | fd00:1::7          | true
          email | example.com     | example.com      | ops@example.com    | true
          email | example.com     | ops@example.com  | ops@example.com    | true
          email | ops@example.com | example.com      | ops@example.com    | true
          email | .example.com    | mail.example.com | ops@mail.example.com | true
          email | mail.example.com | .example.com    | ops@mail.example.com | true
          email | example.com     | example.org      | ops@example.org    | false
          uri   | .example.com    | a.example.com    | spiffe://a.example.com/x | true
          uri   | a.example.com   | .example.com     | spiffe://a.example.com/x | true
          dns   | example         | a.example        | a.example          | true
          dn    | O=Mesh          | O=Mesh           | O=Mesh,CN=a        | true
          dn    | O=Mesh          | O=Mesh,OU=Shop   | O=Mesh,OU=Shop,CN=a | true
          dn    | O=Mesh,OU=Shop  | O=Mesh           | O=Mesh,OU=Shop,CN=a | true
          dn    | O=Mesh,OU=Shop  | O=Mesh           | O=Mesh,OU=Bank,CN=a | false
          """)
  void bothIssuersHaveToPermitAName(
      String kind, String upper, String lower, String name, boolean verifies) throws Exception {
    // A CA is held to the constraints of the one above as well.
    X509Bundle first = issuer(subtrees(kind, upper), null);
    CertificateBuilder below =
        TestPki.ca(kind.equals("dn") ? reversed(upper + ",CN=lower") : "CN=lower", 0);
    X509Bundle second = TestPki.issued(constrained(below, subtrees(kind, lower), null), first);
    GeneralName[] names =
        kind.equals("dns") ? new GeneralName[0] : new GeneralName[] {general(kind, name)};
    X509Certificate leaf =
        kind.equals("dns")
            ? TestPki.issued(TestPki.leaf(name).subject(""), second).getCertificate()
            : leaf(second, names);

    assertThat(verifies(List.of(leaf, second.getCertificate(), first.getCertificate())))
        .isEqualTo(verifies);
  }

  @Test
  void severalPermittedSubtreesOfAKindAreAlternatives() throws Exception {
    GeneralSubtree[] networks = {
      new GeneralSubtree(network("10.0.0.0/8")),
      new GeneralSubtree(network("192.168.0.0/16")),
      new GeneralSubtree(network("fd00::/16")),
      new GeneralSubtree(general("email", "a@example.com")),
      new GeneralSubtree(general("email", "example.org")),
      new GeneralSubtree(general("dn", "O=One")),
      new GeneralSubtree(general("dn", "O=Two"))
    };
    X509Bundle issuer = issuer(networks, null);

    for (GeneralName name :
        List.of(
            general("ip", "10.1.2.3"),
            general("ip", "192.168.1.1"),
            general("ip", "fd00::1"),
            general("email", "a@example.com"),
            general("email", "b@example.org"),
            general("dn", "O=One,CN=x"),
            general("dn", "O=Two,CN=x"))) {
      assertThat(verifies(List.of(leaf(issuer, name), issuer.getCertificate())))
          .as(name.toString())
          .isTrue();
    }
    for (GeneralName name :
        List.of(
            general("ip", "172.16.0.1"),
            general("email", "b@example.com"),
            general("dn", "O=Three,CN=x"))) {
      assertThat(verifies(List.of(leaf(issuer, name), issuer.getCertificate())))
          .as(name.toString())
          .isFalse();
    }
  }

  @Test
  void refusalNamesTheCertificateAndTheName() throws Exception {
    X509Bundle issuer = issuer(subtrees("ip", "10.0.0.0/8"), null);
    List<X509Certificate> chain =
        List.of(leaf(issuer, general("ip", "11.1.2.3")), issuer.getCertificate());

    assertThatThrownBy(() -> verifier().verify(chain, Purpose.SERVER))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining("name constraints");
  }

  private static boolean verifies(List<X509Certificate> chain) {
    try {
      verifier().verify(chain, Purpose.SERVER);
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  private static ChainVerifier verifier() {
    return ChainVerifier.of(
        new TrustBundle(1, TestPki.TRUST_DOMAIN, List.of(ANCHOR.getCertificate())),
        InstantSource.fixed(TestPki.START));
  }

  private static X509Bundle issuer(
      GeneralSubtree @Nullable [] permitted, GeneralSubtree @Nullable [] excluded)
      throws IOException {
    return TestPki.issued(constrained(TestPki.ca("CN=issuer", 1), permitted, excluded), ANCHOR);
  }

  private static CertificateBuilder constrained(
      CertificateBuilder builder,
      GeneralSubtree @Nullable [] permitted,
      GeneralSubtree @Nullable [] excluded)
      throws IOException {
    return builder.addExtensionOctetString(
        NAME_CONSTRAINTS, true, new NameConstraints(permitted, excluded).getEncoded());
  }

  private static X509Certificate leaf(X509Bundle issuer, GeneralName... names) throws IOException {
    GeneralName[] all = new GeneralName[names.length + 1];
    all[0] = new GeneralName(GeneralName.dNSName, "web.example");
    System.arraycopy(names, 0, all, 1, names.length);
    CertificateBuilder leaf =
        TestPki.leaf()
            .subject("")
            .addExtensionOctetString(
                SUBJECT_ALTERNATIVE_NAME, true, new GeneralNames(all).getEncoded());
    return TestPki.issued(leaf, issuer).getCertificate();
  }

  private static GeneralSubtree @Nullable [] subtrees(String kind, @Nullable String base)
      throws IOException {
    if (base == null) {
      return null;
    }
    return new GeneralSubtree[] {
      new GeneralSubtree(kind.equals("ip") ? network(base) : general(kind, base))
    };
  }

  private static GeneralName general(String kind, String name) throws IOException {
    return switch (kind) {
      case "dns" -> new GeneralName(GeneralName.dNSName, name);
      case "email" -> new GeneralName(GeneralName.rfc822Name, name);
      case "uri" -> new GeneralName(GeneralName.uniformResourceIdentifier, name);
      case "dn" -> new GeneralName(new X500Name(name));
      case "ip" ->
          new GeneralName(
              GeneralName.iPAddress, new DEROctetString(InetAddress.getByName(name).getAddress()));
      default -> throw new IllegalArgumentException(kind);
    };
  }

  private static GeneralName network(String cidr) throws IOException {
    int slash = cidr.indexOf('/');
    byte[] address = InetAddress.getByName(cidr.substring(0, slash)).getAddress();
    int prefix = Integer.parseInt(cidr.substring(slash + 1));
    byte[] both = new byte[address.length * 2];
    System.arraycopy(address, 0, both, 0, address.length);
    for (int i = 0; i < prefix; i++) {
      both[address.length + i / 8] |= (byte) (0x80 >> (i % 8));
    }
    return new GeneralName(GeneralName.iPAddress, new DEROctetString(both));
  }

  /** RFC 4514 writes the most specific name first, Bouncy Castle the order of the encoding. */
  private static String reversed(String subject) {
    String[] parts = subject.split(",");
    StringBuilder reversed = new StringBuilder();
    for (int i = parts.length - 1; i >= 0; i--) {
      reversed.append(reversed.isEmpty() ? "" : ",").append(parts[i].trim());
    }
    return reversed.toString();
  }
}
