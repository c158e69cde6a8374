package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.pkitesting.CertificateBuilder;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever names a CA puts into a leaf, it vouches for its own trust domain only. */
class FederatedPeersProperties {
  private static final List<String> DOMAINS = List.of("cluster.local", "b.example", "c.example");
  private static final Map<String, TestPki> PKI =
      Map.of(
          "cluster.local", TestPki.create("own"),
          "b.example", TestPki.create("b"),
          "c.example", TestPki.create("c"));
  private static final ChainVerifier VERIFIER =
      ChainVerifier.of(
          new PeerTrust(
              bundle("cluster.local"),
              List.of(bundle("b.example"), bundle("c.example")),
              RevocationList.NONE),
          InstantSource.fixed(TestPki.START));

  private static TestPki pki(String domain) {
    return Objects.requireNonNull(PKI.get(domain));
  }

  private static TrustBundle bundle(String domain) {
    return new TrustBundle(1, domain, List.of(pki(domain).anchor().getCertificate()));
  }

  @Property(tries = 1500)
  void aCaVouchesForItsOwnTrustDomainOnly(
      @ForAll("domains") String signer, @ForAll("names") List<String> names) throws Exception {
    CertificateBuilder leaf = TestPki.leaf();
    for (String name : names) {
      if (name.indexOf(':') < 0) {
        leaf.addSanDnsName(name);
      } else {
        leaf.addSanUriName(name);
      }
    }
    TestPki pki = pki(signer);
    List<X509Certificate> chain = pki.chain(TestPki.issued(leaf, pki.issuer()));

    PeerIdentity peer;
    try {
      peer = VERIFIER.verify(chain, Purpose.CLIENT);
    } catch (CertificateException e) {
      return;
    }

    if (signer.equals("cluster.local")) {
      assertThat(peer.federated()).isFalse();
      assertThat(peer.names())
          .noneMatch(
              name -> name.toLowerCase(Locale.ROOT).matches("spiffe://(.*@)?[bc]\\.example.*"));
    } else {
      assertThat(peer.federated()).isTrue();
      assertThat(peer.names()).containsExactly(peer.name());
      assertThat(peer.name())
          .startsWith("spiffe://" + signer + "/")
          .doesNotContain("%", "?", "#", "//ns", "..");
    }
  }

  @Provide
  Arbitrary<String> domains() {
    return Arbitraries.of(DOMAINS);
  }

  @Provide
  Arbitrary<List<String>> names() {
    Arbitrary<String> uri =
        Combinators.combine(
                Arbitraries.of("spiffe://", "spiffe://", "SPIFFE://", "https://"),
                Arbitraries.of("", "", "", "u@"),
                Arbitraries.of(
                    "cluster.local",
                    "b.example",
                    "c.example",
                    "B.example",
                    "a.b.example",
                    "example"),
                Arbitraries.of("", "", "", ":1", "."),
                Arbitraries.of(
                    "/ns/a/sa/b",
                    "/ns/a/sa/b",
                    "/x",
                    "/",
                    "",
                    "/..",
                    "/a//b",
                    "/%61",
                    "?q",
                    "#f",
                    "/a?b"))
            .as((scheme, user, domain, port, path) -> scheme + user + domain + port + path);
    Arbitrary<String> dns =
        Arbitraries.of(
            "web.shop.serviceaccount.identity.signet.cluster.local",
            "web.shop.serviceaccount.identity.signet.b.example");
    return Arbitraries.oneOf(uri, uri, dns).list().ofMinSize(1).ofMaxSize(3);
  }
}
