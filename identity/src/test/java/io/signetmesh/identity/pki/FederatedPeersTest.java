package io.signetmesh.identity.pki;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import java.net.URISyntaxException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a foreign trust domain's CA may do here, as its attacker sees it. */
class FederatedPeersTest {
  private static final String OWN_DNS =
      "web.shop.serviceaccount.identity.signet." + TestPki.TRUST_DOMAIN;
  private static final String OWN_ID = "spiffe://" + TestPki.TRUST_DOMAIN + "/ns/shop/sa/web";
  private static final String B = "b.example";
  private static final String B_ID = "spiffe://b.example/ns/shop/sa/web";
  private static final String C = "c.example";
  private static final String C_ID = "spiffe://c.example/ns/shop/sa/web";

  private static final TestPki OWN = TestPki.create("own");
  private static final TestPki FOREIGN = TestPki.create("b");
  private static final TestPki OTHER = TestPki.create("c");

  private static final ChainVerifier VERIFIER =
      verifier(List.of(bundle(B, FOREIGN), bundle(C, OTHER)));

  private static TrustBundle bundle(String domain, TestPki... pkis) {
    List<X509Certificate> anchors = new ArrayList<>();
    for (TestPki pki : pkis) {
      anchors.add(pki.anchor().getCertificate());
    }
    return new TrustBundle(1, domain, anchors);
  }

  private static ChainVerifier verifier(List<TrustBundle> federated) {
    return ChainVerifier.of(
        PeerTrust.of(OWN.trust()).withFederated(federated), InstantSource.fixed(TestPki.START));
  }

  /** Adds names to a leaf. */
  private interface Names {
    CertificateBuilder apply(CertificateBuilder leaf) throws URISyntaxException;
  }

  private static List<X509Certificate> chain(TestPki by, Names names) throws URISyntaxException {
    return by.chain(TestPki.issued(names.apply(TestPki.leaf()), by.issuer()));
  }

  private static List<X509Certificate> chain(TestPki by, String uri) throws URISyntaxException {
    return chain(by, leaf -> leaf.addSanUriName(uri));
  }

  private static void assertRefused(List<X509Certificate> chain, String... reasons)
      throws Exception {
    for (Purpose purpose : Purpose.values()) {
      assertThatThrownBy(() -> VERIFIER.verify(chain, purpose))
          .isInstanceOf(CertificateException.class)
          .hasMessageContainingAll(reasons);
    }
  }

  @ParameterizedTest
  @EnumSource(Purpose.class)
  void foreignDomainVouchesForItsOwnSpiffeIdAndNothingElse(Purpose purpose) throws Exception {
    List<X509Certificate> chain =
        chain(FOREIGN, leaf -> leaf.addSanDnsName(OWN_DNS).addSanUriName(B_ID));

    PeerIdentity peer = VERIFIER.verify(chain, purpose);

    assertThat(peer).isEqualTo(new PeerIdentity(B_ID, List.of(B_ID), true));
    assertThat(peer.matches(OWN_DNS)).isFalse();
  }

  @Test
  void ownPeersAreNotFederated() throws Exception {
    List<X509Certificate> chain =
        chain(OWN, leaf -> leaf.addSanDnsName(OWN_DNS).addSanUriName(OWN_ID));

    assertThat(VERIFIER.verify(chain, Purpose.CLIENT))
        .isEqualTo(new PeerIdentity(OWN_DNS, List.of(OWN_DNS, OWN_ID), false));
  }

  @Test
  void foreignCaVouchesForNoNameOfOurs() throws Exception {
    assertRefused(chain(FOREIGN, leaf -> leaf.addSanDnsName(OWN_DNS)), "trust anchors");
    assertRefused(chain(FOREIGN, OWN_ID), "trust anchors");
    assertRefused(
        chain(FOREIGN, leaf -> leaf.addSanDnsName(OWN_DNS).addSanUriName(OWN_ID)), "trust anchors");
  }

  @Test
  void foreignCaVouchesForNoOtherForeignDomain() throws Exception {
    assertRefused(chain(FOREIGN, C_ID), "trust anchors of " + C);
    assertRefused(chain(OTHER, B_ID), "trust anchors of " + B);
  }

  @Test
  void ownCaVouchesForNoFederatedDomain() throws Exception {
    assertRefused(chain(OWN, B_ID), "trust anchors of " + B);
    assertRefused(
        chain(OWN, leaf -> leaf.addSanDnsName(OWN_DNS).addSanUriName(B_ID)),
        "trust anchors of " + B);
  }

  @Test
  void twoSpiffeIdsAreRefusedWhoeverSigned() throws Exception {
    for (TestPki by : List.of(FOREIGN, OTHER)) {
      assertRefused(chain(by, leaf -> leaf.addSanUriName(B_ID).addSanUriName(C_ID)), "2 URI names");
      assertRefused(
          chain(by, leaf -> leaf.addSanUriName(OWN_ID).addSanUriName(B_ID)), "2 URI names");
      assertRefused(chain(by, leaf -> leaf.addSanUriName(B_ID).addSanUriName(B_ID)), "2 URI names");
    }
  }

  @Test
  void anotherUriBesideTheSpiffeIdIsRefused() throws Exception {
    assertRefused(
        chain(FOREIGN, leaf -> leaf.addSanUriName("https://b.example/").addSanUriName(B_ID)),
        "2 URI names");
    assertRefused(
        chain(FOREIGN, leaf -> leaf.addSanUriName(B_ID).addSanUriName("urn:b")), "2 URI names");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SPIFFE://b.example/ns/shop/sa/web",
        "spiffe://B.example/ns/shop/sa/web",
        "spiffe://user@b.example/ns/shop/sa/web",
        "spiffe://b.example:443/ns/shop/sa/web",
        "spiffe://b.example",
        "spiffe://b.example/",
        "spiffe://b.example/ns/shop/sa/web/",
        "spiffe://b.example//ns/shop/sa/web",
        "spiffe://b.example/ns/./sa/web",
        "spiffe://b.example/ns/../sa/web",
        "spiffe://b.example/ns/shop/sa/..",
        "spiffe://b.example/ns/shop/sa/%77eb",
        "spiffe://b.example/ns/shop/sa/web%2Fadmin",
        "spiffe://b.example/ns/shop/sa/web~",
        "spiffe://b.example/ns/shop/sa/web?x=y",
        "spiffe://b.example/ns/shop/sa/web#x",
        "spiffe://b.example?x=y",
        "spiffe://b.example#x"
      })
  void misspeltSpiffeIdIsRefusedThoughTheChainIsGood(String id) throws Exception {
    assertRefused(chain(FOREIGN, id), "has SPIFFE id", "expected spiffe://b.example/PATH");
  }

  @Test
  void trailingDotMakesNoOtherDomain() throws Exception {
    assertRefused(chain(FOREIGN, "spiffe://b.example./ns/shop/sa/web"), "certificate");
    assertRefused(chain(OWN, "spiffe://b.example./ns/shop/sa/web"), "certificate");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "spiffe://a.b.example/ns/shop/sa/web",
        "spiffe://b.example.evil/ns/shop/sa/web",
        "spiffe://xb.example/ns/shop/sa/web",
        "spiffe://example/ns/shop/sa/web",
        "spiffe://b%2Eexample/ns/shop/sa/web",
        "https://b.example/ns/shop/sa/web"
      })
  void domainWithASimilarNameIsAnother(String id) throws Exception {
    assertRefused(chain(FOREIGN, id), "trust anchors of " + TestPki.TRUST_DOMAIN);
  }

  @Test
  void longestSpiffeIdIs2048Bytes() throws Exception {
    String start = "spiffe://b.example/";
    String longest = start + "a".repeat(2048 - start.length());

    assertThat(VERIFIER.verify(chain(FOREIGN, longest), Purpose.CLIENT).name()).isEqualTo(longest);
    assertRefused(chain(FOREIGN, longest + "a"), "at most 2048 bytes");
  }

  @Test
  void manySegmentsCostNoDeepRecursion() throws Exception {
    String id = "spiffe://b.example" + "/a".repeat(1000);

    assertThat(VERIFIER.verify(chain(FOREIGN, id), Purpose.SERVER).name()).isEqualTo(id);
  }

  @Test
  void crossSigningByOurAnchorGivesAForeignCaNoSayOverFederatedIds() throws Exception {
    // Our anchor certifies the key of C's issuer: C then vouches for our names, by our own doing,
    // and still not for those of B.
    X509Bundle crossed =
        TestPki.issued(
            TestPki.ca("CN=c issuer", 0).publicKey(OTHER.issuer().getCertificate().getPublicKey()),
            OWN.anchor());
    X509Bundle leaf = TestPki.issued(TestPki.leaf().addSanUriName(B_ID), OTHER.issuer());

    assertRefused(
        List.of(leaf.getCertificate(), crossed.getCertificate(), OTHER.issuer().getCertificate()),
        "trust anchors of " + B);
    X509Bundle own = TestPki.issued(TestPki.leaf().addSanUriName(C_ID), OTHER.issuer());
    assertThat(
            VERIFIER
                .verify(
                    List.of(
                        own.getCertificate(),
                        crossed.getCertificate(),
                        OTHER.issuer().getCertificate()),
                    Purpose.CLIENT)
                .federated())
        .isTrue();
  }

  @Test
  void anchorInTwoBundlesVouchesForBothDomainsAndOnlyForThese() throws Exception {
    ChainVerifier both = verifier(List.of(bundle(B, FOREIGN), bundle(C, OTHER, FOREIGN)));

    assertThat(both.verify(chain(FOREIGN, B_ID), Purpose.CLIENT).name()).isEqualTo(B_ID);
    assertThat(both.verify(chain(FOREIGN, C_ID), Purpose.CLIENT).name()).isEqualTo(C_ID);
    assertThatThrownBy(() -> both.verify(chain(FOREIGN, OWN_ID), Purpose.CLIENT))
        .isInstanceOf(CertificateException.class);
    assertThatThrownBy(() -> both.verify(chain(OTHER, B_ID), Purpose.CLIENT))
        .isInstanceOf(CertificateException.class);
  }

  @Test
  void ownAnchorInAForeignBundleDoesNotMakeOwnNamesForeign() throws Exception {
    ChainVerifier shared = verifier(List.of(bundle(B, OWN)));

    assertThat(shared.verify(chain(OWN, OWN_ID), Purpose.CLIENT).federated()).isFalse();
    assertThat(shared.verify(chain(OWN, B_ID), Purpose.CLIENT).federated()).isTrue();
  }

  @Test
  void ownCaVouchesForNoFederatedDomainWithoutABundle() throws Exception {
    ChainVerifier waiting =
        ChainVerifier.of(
            PeerTrust.of(OWN.trust()).withForeignDomains(Set.of(B)),
            InstantSource.fixed(TestPki.START));

    for (String id : List.of(B_ID, "SPIFFE://B.example:443/ns/shop/sa/web")) {
      for (Purpose purpose : Purpose.values()) {
        assertThatThrownBy(() -> waiting.verify(chain(OWN, id), purpose))
            .isInstanceOf(UntrustedChainException.class)
            .hasMessageContaining("b.example, of which no trust bundle is in force");
        assertThatThrownBy(
                () ->
                    waiting.verify(
                        chain(OWN, leaf -> leaf.addSanDnsName(OWN_DNS).addSanUriName(id)), purpose))
            .isInstanceOf(UntrustedChainException.class);
      }
    }
  }

  /** SPIRE with another trust domain under the anchors of the mesh, as some Linkerd users have. */
  @Test
  void ownCaVouchesForADomainThatIsNotFederated() throws Exception {
    ChainVerifier waiting =
        ChainVerifier.of(
            PeerTrust.of(OWN.trust()).withForeignDomains(Set.of(B)),
            InstantSource.fixed(TestPki.START));
    String spire = "spiffe://root.linkerd.cluster.local/web";

    assertThat(waiting.verify(chain(OWN, spire), Purpose.CLIENT))
        .isEqualTo(new PeerIdentity(spire, List.of(spire), false));
  }

  @Test
  void domainThatIsNoLongerFederatedIsUnknown() throws Exception {
    ChainVerifier none = verifier(List.of());

    assertThatThrownBy(() -> none.verify(chain(FOREIGN, B_ID), Purpose.CLIENT))
        .isInstanceOf(UntrustedChainException.class);
  }

  @Test
  void anIssuerOfAForeignDomainIsNoIssuerOfOurs() throws Exception {
    assertThatThrownBy(() -> VERIFIER.verifyIssuer(List.of(FOREIGN.issuer().getCertificate())))
        .isInstanceOf(CertificateException.class);
  }
}
