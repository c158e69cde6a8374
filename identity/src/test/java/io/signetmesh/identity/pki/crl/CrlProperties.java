package io.signetmesh.identity.pki.crl;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.pki.TestPki;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.security.auth.x500.X500Principal;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The JDK's X509CRL is the reference. */
class CrlProperties {
  private static final TestPki PKI = TestPki.create("crl");
  private static final X500Principal OWN = PKI.issuer().getCertificate().getSubjectX500Principal();
  private static final List<X500Principal> ISSUERS =
      List.of(OWN, new X500Principal("CN=anchor, O=Example"), new X500Principal("CN=earlier"));
  private static final byte[] GOOD =
      TestCrls.full(PKI, 7, List.of(PKI.certificate("web.example").leaf()));

  @Property(tries = 300)
  void theJdkReadsWhatWasWritten(@ForAll("entries") List<CrlWriter.Entry> entries)
      throws Exception {
    byte[] der = TestCrls.sign(PKI, content(9, entries));

    X509CRL reference = jdk(der);
    reference.verify(PKI.issuer().getCertificate().getPublicKey());
    assertThat(reference.getVersion()).isEqualTo(2);
    assertThat(reference.getIssuerX500Principal()).isEqualTo(OWN);
    assertThat(reference.getThisUpdate()).isEqualTo(Date.from(TestPki.START));
    Set<CrlWriter.Entry> read = new HashSet<>();
    Set<? extends X509CRLEntry> listed = reference.getRevokedCertificates();
    for (X509CRLEntry entry : listed == null ? Set.<X509CRLEntry>of() : listed) {
      X500Principal issuer = entry.getCertificateIssuer();
      read.add(
          new CrlWriter.Entry(
              issuer == null ? OWN : issuer,
              entry.getSerialNumber(),
              entry.getRevocationDate().toInstant(),
              entry.getRevocationReason() == null
                  ? RevocationReason.UNSPECIFIED
                  : RevocationReason.values()[
                      entry.getRevocationReason().ordinal() > 7
                          ? entry.getRevocationReason().ordinal() - 1
                          : entry.getRevocationReason().ordinal()]));
    }
    assertThat(read).isEqualTo(new HashSet<>(entries));
  }

  @Property(tries = 300)
  void listsExactlyWhatTheJdkLists(
      @ForAll("entries") List<CrlWriter.Entry> entries, @ForAll("serials") List<BigInteger> others)
      throws Exception {
    byte[] der = TestCrls.sign(PKI, content(9, entries));
    Crl crl = Crl.parse("test", der);
    crl.verify(PKI.issuer().getCertificate());
    RevocationList list = crl.onto(RevocationList.NONE);

    Set<List<Object>> expected = new HashSet<>();
    Set<? extends X509CRLEntry> listed = jdk(der).getRevokedCertificates();
    for (X509CRLEntry entry : listed == null ? Set.<X509CRLEntry>of() : listed) {
      X500Principal issuer = entry.getCertificateIssuer();
      expected.add(List.of(issuer == null ? OWN : issuer, entry.getSerialNumber()));
    }
    List<BigInteger> asked = new ArrayList<>(others);
    entries.forEach(entry -> asked.add(entry.serial()));
    for (X500Principal issuer : ISSUERS) {
      for (BigInteger serial : asked) {
        assertThat(list.lists(issuer, serial))
            .as("%s %s", issuer, serial)
            .isEqualTo(expected.contains(List.of(issuer, serial)));
      }
    }
    assertThat(list.size()).isEqualTo(expected.size());
    assertThat(list.number()).isEqualTo(9);
  }

  @Property(tries = 200)
  void deltaMakesTheSameListAsTheFullOne(
      @ForAll("entries") List<CrlWriter.Entry> before,
      @ForAll("entries") List<CrlWriter.Entry> more,
      @ForAll @IntRange(max = 10) int removed)
      throws Exception {
    RevocationList base =
        Crl.parse("base", TestCrls.sign(PKI, content(4, before))).onto(RevocationList.NONE);
    Set<List<Object>> keys = new HashSet<>();
    before.forEach(entry -> keys.add(key(entry)));
    List<CrlWriter.Entry> changes = new ArrayList<>(more);
    more.forEach(entry -> keys.add(key(entry)));
    Set<List<Object>> added = new HashSet<>();
    more.forEach(entry -> added.add(key(entry)));
    for (CrlWriter.Entry entry : before.subList(0, Math.min(removed, before.size()))) {
      if (!added.contains(key(entry))) {
        keys.remove(key(entry));
        changes.add(
            TestCrls.entry(entry.issuer(), entry.serial(), RevocationReason.REMOVE_FROM_CRL));
      }
    }

    RevocationList next =
        Crl.parse(
                "delta",
                TestCrls.sign(
                    PKI,
                    TestCrls.content(
                        5, 4, TestPki.START, changes, List.of("a.example"), List.of("b.example"))))
            .onto(base);

    assertThat(next.size()).isEqualTo(keys.size() + 1);
    for (List<Object> key : keys) {
      assertThat(next.lists((X500Principal) key.get(0), (BigInteger) key.get(1))).isTrue();
    }
    assertThat(next.lists("a.example")).isTrue();
    assertThat(base.size())
        .isEqualTo(new HashSet<>(before.stream().map(CrlProperties::key).toList()).size());
  }

  @Property(tries = 2000)
  void listWithOneByteChangedIsNeverTaken(
      @ForAll @IntRange(max = 10_000) int position,
      @ForAll @IntRange(min = 1, max = 255) int mask) {
    byte[] der = GOOD.clone();
    int at = position % der.length;
    der[at] ^= (byte) mask;

    assertThat(isTaken(der)).as("byte %d xor %d", at, mask).isFalse();
  }

  @Property
  void listCutShortOrWithMoreBehindItIsNeverTaken(
      @ForAll @IntRange(max = 10_000) int length, @ForAll byte[] tail) {
    assertThat(isTaken(Arrays.copyOf(GOOD, length % GOOD.length))).isFalse();
    if (tail.length > 0) {
      byte[] longer = Arrays.copyOf(GOOD, GOOD.length + tail.length);
      System.arraycopy(tail, 0, longer, GOOD.length, tail.length);
      assertThat(isTaken(longer)).isFalse();
    }
  }

  @Provide
  Arbitrary<List<CrlWriter.Entry>> entries() {
    Arbitrary<Instant> dates =
        Arbitraries.longs()
            .between(0, Instant.parse("2100-01-01T00:00:00Z").getEpochSecond())
            .map(Instant::ofEpochSecond);
    Arbitrary<RevocationReason> reasons =
        Arbitraries.of(RevocationReason.class)
            .filter(reason -> reason != RevocationReason.REMOVE_FROM_CRL);
    return Combinators.combine(Arbitraries.of(ISSUERS), serial(), dates, reasons)
        .as(CrlWriter.Entry::new)
        .list()
        .uniqueElements(CrlProperties::key)
        .ofMaxSize(40);
  }

  @Provide
  Arbitrary<List<BigInteger>> serials() {
    return serial().list().ofMaxSize(20);
  }

  private static Arbitrary<BigInteger> serial() {
    return Arbitraries.bigIntegers().between(BigInteger.ONE, BigInteger.TWO.pow(170));
  }

  private static List<Object> key(CrlWriter.Entry entry) {
    return List.of(entry.issuer(), entry.serial());
  }

  private static CrlWriter.Content content(long number, List<CrlWriter.Entry> entries) {
    return TestCrls.content(number, 0, TestPki.START, entries, List.of(), List.of());
  }

  private static boolean isTaken(byte[] der) {
    try {
      Crl.parse("test", der).verify(PKI.issuer().getCertificate());
      return true;
    } catch (PkiException e) {
      return false;
    }
  }

  private static X509CRL jdk(byte[] der) throws Exception {
    return (X509CRL)
        CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(der));
  }
}
