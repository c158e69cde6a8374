package io.signetmesh.identity.server;

import com.google.protobuf.Timestamp;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.ca.CertificateAuthority;
import io.signetmesh.identity.ca.IssuedCertificates;
import io.signetmesh.identity.ca.IssuedLeaf;
import io.signetmesh.identity.ca.Issuer;
import io.signetmesh.identity.ca.revocation.KnownIssuer;
import io.signetmesh.identity.ca.revocation.RevocationPublisher;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.ca.revocation.RevokedCertificate;
import io.signetmesh.identity.ca.revocation.RevokedIdentity;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.identity.pki.crl.RevocationReason;
import io.signetmesh.v1.CutOff;
import io.signetmesh.v1.GetRevocationAdoptionRequest;
import io.signetmesh.v1.GetRevocationAdoptionResponse;
import io.signetmesh.v1.GetRevocationListResponse;
import io.signetmesh.v1.LiftRevocationRequest;
import io.signetmesh.v1.LiftRevocationResponse;
import io.signetmesh.v1.ListRevocationsResponse;
import io.signetmesh.v1.ReportingWorkload;
import io.signetmesh.v1.Revocation;
import io.signetmesh.v1.RevokeRequest;
import io.signetmesh.v1.RevokeResponse;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What operators do about revocations; each act goes on record.
 *
 * <p>Longer than 500 lines: each kind of revocation checks what it is asked, tells whom it cuts off
 * and answers, with the same few rules.
 */
final class RevocationAdmin {
  private static final Pattern HEX = Pattern.compile("(?:[0-9a-f]{2}:)*[0-9a-f]{1,64}");
  private static final int MAX_SERIAL = 40;
  private static final int MAX_LISTED = 1_000;
  private static final int PART = 1_000;

  private final WorkloadIdentity own;
  private final CertificateAuthority authority;
  private final RevocationStore store;
  private final RevocationPublisher publisher;
  private final IssuedCertificates issued;
  private final AdoptionLedger ledger;
  private final RevocationAdoption adoption;
  private final InstantSource clock;

  /** Puts an act on record. */
  interface Recorder {
    void record(String act, String subject, Map<String, String> attributes);
  }

  /** An act that may be refused. */
  private interface Act<T> {
    T run() throws StatusException, IOException, PkiException;
  }

  RevocationAdmin(
      WorkloadIdentity own,
      CertificateAuthority authority,
      RevocationStore store,
      RevocationPublisher publisher,
      IssuedCertificates issued,
      AdoptionLedger ledger,
      RevocationAdoption adoption,
      InstantSource clock) {
    this.own = own;
    this.authority = authority;
    this.store = store;
    this.publisher = publisher;
    this.issued = issued;
    this.ledger = ledger;
    this.adoption = adoption;
    this.clock = clock;
  }

  void revoke(RevokeRequest request, Recorder recorder, StreamObserver<RevokeResponse> response) {
    answer(
        response,
        () -> {
          RevocationReason reason = reason(request.getReason());
          requireSigner();
          return switch (request.getWhichCase()) {
            case IDENTITY -> revokeIdentity(request, reason, recorder);
            case SERIAL -> revokeSerial(request, reason, recorder);
            case ISSUER -> revokeIssuer(request, reason, recorder);
            case WHICH_NOT_SET ->
                throw refused(
                    Status.INVALID_ARGUMENT,
                    "nothing to revoke: expected identity, serial or issuer");
          };
        });
  }

  void lift(
      LiftRevocationRequest request,
      Recorder recorder,
      StreamObserver<LiftRevocationResponse> response) {
    answer(
        response,
        () -> {
          String identity = identity(request.getIdentity());
          long number =
              store
                  .lift(identity)
                  .orElseThrow(
                      () ->
                          refused(
                              Status.NOT_FOUND,
                              "identity "
                                  + WorkloadIdentity.printable(identity)
                                  + " is not revoked"));
          int left = 0;
          for (RevokedCertificate certificate : store.certificates()) {
            left += certificate.identity().equals(identity) ? 1 : 0;
          }
          recorder.record(
              "revocation-lifted",
              identity,
              Map.of("number", Long.toString(number), "certificates_left", Integer.toString(left)));
          return LiftRevocationResponse.newBuilder()
              .setNumber(number)
              .setCertificatesLeft(left)
              .build();
        });
  }

  void list(StreamObserver<ListRevocationsResponse> response) {
    ListRevocationsResponse.Builder part =
        ListRevocationsResponse.newBuilder().setNumber(store.number());
    for (RevokedIdentity identity : store.identities()) {
      part.addRevocations(
          Revocation.newBuilder()
              .setIdentity(identity.identity())
              .setReason(identity.reason().text())
              .setRevokedAt(timestamp(identity.revokedAt())));
      send(part, response);
    }
    for (RevokedCertificate certificate : store.certificates()) {
      part.addRevocations(
          Revocation.newBuilder()
              .setIdentity(certificate.identity())
              .setSerial(certificate.serial().toString(16))
              .setIssuer(certificate.issuer().getName())
              .setReason(certificate.reason().text())
              .setRevokedAt(timestamp(certificate.revokedAt()))
              .setNotAfter(timestamp(certificate.notAfter())));
      send(part, response);
    }
    response.onNext(part.build());
    response.onCompleted();
  }

  void crl(StreamObserver<GetRevocationListResponse> response) {
    answer(
        response,
        () -> {
          RevocationPublisher.Publication publication = publisher.current();
          return GetRevocationListResponse.newBuilder()
              .setNumber(publication.number())
              .setCrl(UnsafeByteOperations.unsafeWrap(publication.full()))
              .build();
        });
  }

  void adoption(
      GetRevocationAdoptionRequest request,
      StreamObserver<GetRevocationAdoptionResponse> response) {
    answer(
        response,
        () -> {
          long number = request.getNumber() == 0 ? sentNumber() : request.getNumber();
          RevocationAdoption.Counts counts = adoption.of(number);
          GetRevocationAdoptionResponse.Builder answer =
              GetRevocationAdoptionResponse.newBuilder()
                  .setNumber(number)
                  .setConnected(counts.connected())
                  .setInForce(counts.inForce())
                  .setAbsentTotal(counts.absent().size());
          counts.behind().stream()
              .limit(MAX_LISTED)
              .forEach(workload -> answer.addBehind(message(workload)));
          counts.absent().stream()
              .limit(MAX_LISTED)
              .forEach(workload -> answer.addAbsent(message(workload)));
          return answer.build();
        });
  }

  /** An issuer that cannot sign lists sends none while there is nothing to list. */
  private long sentNumber() throws IOException, PkiException {
    RevocationPublisher.Publication newest = publisher.current();
    return newest.isSignable() || !newest.isEmpty() ? newest.number() : 0;
  }

  private static ReportingWorkload message(AdoptionLedger.Adoption workload) {
    return ReportingWorkload.newBuilder()
        .setIdentity(workload.identity())
        .setAddress(workload.address())
        .setNumber(workload.report().getRevocationNumber())
        .setRefusal(workload.report().getRefusal())
        .setReportedAt(timestamp(workload.reportedAt()))
        .build();
  }

  private RevokeResponse revokeIdentity(
      RevokeRequest request, RevocationReason reason, Recorder recorder)
      throws StatusException, IOException {
    String identity = identity(request.getIdentity());
    if (identity.equals(own.dnsName())) {
      throw refused(
          Status.FAILED_PRECONDITION,
          "identity "
              + identity
              + " is this identity server's own: nobody could get a certificate or learn of a"
              + " revocation any more");
    }
    Instant now = clock.instant();
    List<RevokedCertificate> leaves = revoked(issued.of(identity), reason, now);
    RevokeResponse.Builder response = RevokeResponse.newBuilder().setOnRecord(true);
    cutOff(response, issued.of(identity), adoption -> adoption.identity().equals(identity));
    if (request.getDryRun()) {
      return response.setCertificates(leaves.size()).build();
    }
    int before = store.certificates().size();
    Optional<Long> number =
        keep(
            () ->
                store.revoke(
                    new RevokedIdentity(identity, reason, now),
                    () -> revoked(issued.of(identity), reason, now)));
    int certificates = Math.max(0, store.certificates().size() - before);
    record(recorder, "identity-revoked", identity, reason, number, certificates);
    return response.setNumber(number.orElse(0L)).setCertificates(certificates).build();
  }

  private RevokeResponse revokeSerial(
      RevokeRequest request, RevocationReason reason, Recorder recorder)
      throws StatusException, IOException, PkiException {
    String serial = hex("serial", request.getSerial());
    if (serial.length() > MAX_SERIAL) {
      throw refused(
          Status.INVALID_ARGUMENT,
          "serial number of "
              + serial.length()
              + " hexadecimal digits: expected at most "
              + MAX_SERIAL);
    }
    Instant now = clock.instant();
    Optional<IssuedLeaf> leaf = issued.find(serial);
    RevokeResponse.Builder response = RevokeResponse.newBuilder().setOnRecord(leaf.isPresent());
    List<RevokedCertificate> certificates;
    if (leaf.isPresent()) {
      certificates = revoked(withRenewals(leaf.get()), reason, now);
      if (certificates.stream().noneMatch(c -> c.serial().toString(16).equals(serial))) {
        throw refused(
            Status.FAILED_PRECONDITION,
            "the issuer of certificate " + serial + " is not known: revoke its identity instead");
      }
    } else {
      KnownIssuer issuer = KnownIssuer.of(issuerInUse().certificate());
      try {
        certificates =
            List.of(
                new RevokedCertificate(
                    issuer.name(), new BigInteger(serial, 16), reason, now, issuer.notAfter(), ""));
      } catch (IllegalArgumentException e) {
        throw refused(Status.INVALID_ARGUMENT, String.valueOf(e.getMessage()));
      }
    }
    cutOff(
        response,
        leaf.map(this::withRenewals).orElse(List.of()),
        adoption ->
            certificates.stream()
                .anyMatch(
                    c -> adoption.report().getLeaf().getSerial().equals(c.serial().toString(16))));
    if (request.getDryRun()) {
      return response.setCertificates(certificates.size()).build();
    }
    int before = store.certificates().size();
    Optional<Long> number = keep(() -> store.revoke(certificates));
    IOException failure = null;
    if (leaf.isPresent()) {
      // A renewal that was on record in between; later ones see that the leaf is revoked.
      try {
        Optional<Long> later = store.revoke(revoked(withRenewals(leaf.get()), reason, now));
        number = later.isPresent() ? later : number;
      } catch (IOException e) {
        failure = e;
      }
    }
    int count = Math.max(0, store.certificates().size() - before);
    record(recorder, "certificate-revoked", serial, reason, number, count);
    if (failure != null) {
      throw refused(
          Status.RESOURCE_EXHAUSTED,
          "certificate "
              + serial
              + " is revoked; what was renewed from it in this moment may not be: "
              + failure.getMessage());
    }
    return response.setNumber(number.orElse(0L)).setCertificates(count).build();
  }

  private RevokeResponse revokeIssuer(
      RevokeRequest request, RevocationReason reason, Recorder recorder)
      throws StatusException, IOException, PkiException {
    String which = hex("issuer", request.getIssuer());
    String key = "";
    for (KnownIssuer known : store.issuers()) {
      if (known.keySha256().equals(which) || known.serial().toString(16).equals(which)) {
        key = known.keySha256();
      }
    }
    // Whoever has the key can show any certificate of it.
    List<KnownIssuer> found = new ArrayList<>();
    for (KnownIssuer known : store.issuers()) {
      if (known.keySha256().equals(key)) {
        found.add(known);
      }
    }
    if (found.isEmpty()) {
      throw refused(
          Status.NOT_FOUND,
          "no issuer "
              + which
              + " is known: expected the SHA-256 of its public key or its serial number; issuers"
              + " known are "
              + store.issuers().stream().map(KnownIssuer::keySha256).distinct().toList());
    }
    String issuerKey = key;
    String name = found.getLast().name().getName();
    if (issuerInUse().chain().stream()
        .anyMatch(used -> KnownIssuer.of(used).keySha256().equals(issuerKey))) {
      throw refused(
          Status.FAILED_PRECONDITION,
          "issuer " + name + " is in use: put another one in force first");
    }
    if (found.stream().anyMatch(one -> one.name().equals(one.parent()))) {
      throw refused(
          Status.FAILED_PRECONDITION,
          "issuer " + name + " is a trust anchor: take it out of the anchors");
    }
    Predicate<IssuedLeaf> isUnder = leaf -> leaf.issuerKeySha256().equals(issuerKey);
    RevokeResponse.Builder response = RevokeResponse.newBuilder().setOnRecord(true);
    cutOff(
        response,
        issued.all().stream().filter(isUnder).toList(),
        adoption ->
            HexFormat.of()
                .formatHex(adoption.report().getLeaf().getIssuerKeySha256().toByteArray())
                .equals(issuerKey));
    if (request.getDryRun()) {
      return response.setCertificates(found.size()).build();
    }
    Instant now = clock.instant();
    List<RevokedCertificate> certificates =
        found.stream()
            .map(
                one ->
                    new RevokedCertificate(
                        one.parent(), one.serial(), reason, now, one.notAfter(), ""))
            .toList();
    int before = store.certificates().size();
    Optional<Long> number = keep(() -> store.revoke(certificates));
    int count = Math.max(0, store.certificates().size() - before);
    record(recorder, "issuer-revoked", which, reason, number, count);
    return response.setNumber(number.orElse(0L)).setCertificates(count).build();
  }

  /**
   * A leaf and what may have been renewed from it: whoever has its key may have got these. Leaves
   * of the same chain of renewals have the identity, the first proof and its second in common; so
   * has another workload of the identity that proved it in the same second, which then needs its
   * token again.
   */
  private List<IssuedLeaf> withRenewals(IssuedLeaf first) {
    List<IssuedLeaf> chain = new ArrayList<>();
    boolean isAfter = false;
    for (IssuedLeaf leaf : issued.of(first.identity())) {
      isAfter |= leaf.serial().equals(first.serial());
      if (isAfter
          && leaf.attestor().equals(first.attestor())
          && leaf.attestedAt().equals(first.attestedAt())) {
        chain.add(leaf);
      }
    }
    return chain.isEmpty() ? List.of(first) : chain;
  }

  /** Those of an issuer that is not known are refused by their identity only. */
  private List<RevokedCertificate> revoked(
      List<IssuedLeaf> leaves, RevocationReason reason, Instant now) {
    List<RevokedCertificate> revoked = new ArrayList<>(leaves.size());
    for (IssuedLeaf leaf : leaves) {
      store
          .issuer(leaf.issuerKeySha256())
          .ifPresent(
              issuer ->
                  revoked.add(
                      new RevokedCertificate(
                          issuer.name(),
                          new BigInteger(leaf.serial(), 16),
                          reason,
                          now,
                          leaf.notAfter(),
                          leaf.identity())));
    }
    return revoked;
  }

  private void cutOff(
      RevokeResponse.Builder response,
      List<IssuedLeaf> leaves,
      Predicate<AdoptionLedger.Adoption> uses) {
    Map<String, CutOff.Builder> bySerial = new LinkedHashMap<>();
    for (IssuedLeaf leaf : leaves) {
      bySerial.put(
          leaf.serial(),
          CutOff.newBuilder()
              .setIdentity(leaf.identity())
              .setSerial(leaf.serial())
              .setNotAfter(timestamp(leaf.notAfter())));
    }
    for (AdoptionLedger.Adoption adoption : ledger.adoptions()) {
      if (adoption.connected() && uses.test(adoption)) {
        bySerial
            .computeIfAbsent(
                adoption.report().getLeaf().getSerial(),
                serial ->
                    CutOff.newBuilder()
                        .setIdentity(adoption.identity())
                        .setSerial(serial)
                        .setNotAfter(adoption.report().getLeaf().getNotAfter()))
            .setAddress(adoption.address());
      }
    }
    bySerial.values().stream().limit(MAX_LISTED).forEach(response::addCutOff);
    response.setCutOffTotal(bySerial.size());
  }

  /** A SPIFFE id of the own trust domain is the same identity as its DNS name. */
  private String identity(String text) throws StatusException {
    String identity = text;
    if (text.startsWith("spiffe://" + own.trustDomain() + "/")) {
      try {
        identity = WorkloadIdentity.parseSpiffeId(text, own.controlPlaneNamespace()).dnsName();
      } catch (IllegalArgumentException e) {
        // Another path than that of a service account: taken as it is.
        identity = text;
      }
    }
    try {
      return new RevokedIdentity(identity, RevocationReason.UNSPECIFIED, clock.instant())
          .identity();
    } catch (IllegalArgumentException e) {
      throw refused(Status.INVALID_ARGUMENT, String.valueOf(e.getMessage()));
    }
  }

  private static RevocationReason reason(String text) throws StatusException {
    if (text.isEmpty()) {
      return RevocationReason.UNSPECIFIED;
    }
    Optional<RevocationReason> reason = RevocationReason.ofText(text);
    if (reason.isEmpty() || reason.get() == RevocationReason.REMOVE_FROM_CRL) {
      throw refused(
          Status.INVALID_ARGUMENT,
          "reason "
              + WorkloadIdentity.printable(text)
              + ": expected one of RFC 5280 section 5.3.1, such as keyCompromise");
    }
    return reason.get();
  }

  /** As people and openssl write it: upper case, colons and leading zeros do not matter. */
  private static String hex(String what, String text) throws StatusException {
    String lower = text.toLowerCase(Locale.ROOT);
    if (text.length() > 200 || !HEX.matcher(lower).matches()) {
      throw refused(
          Status.INVALID_ARGUMENT,
          what + " " + WorkloadIdentity.printable(text) + ": expected hexadecimal digits");
    }
    String digits = lower.replace(":", "");
    return what.equals("issuer") && digits.length() == 64
        ? digits
        : new BigInteger(digits, 16).toString(16);
  }

  private void requireSigner() throws StatusException {
    try {
      authority.requireIssuer();
    } catch (IOException | PkiException e) {
      // One that cannot sign leaves may sign lists.
    }
    try {
      Crl.requireSigner(issuerInUse().certificate());
    } catch (PkiException e) {
      throw refused(Status.FAILED_PRECONDITION, String.valueOf(e.getMessage()));
    }
  }

  private Issuer issuerInUse() throws PkiException {
    Issuer issuer = authority.issuerInUse();
    if (issuer == null) {
      throw new PkiException("there is no issuer");
    }
    return issuer;
  }

  private static Optional<Long> keep(Act<Optional<Long>> act) throws StatusException {
    try {
      return act.run();
    } catch (IOException | PkiException e) {
      throw refused(Status.RESOURCE_EXHAUSTED, "nothing was revoked: " + e.getMessage());
    }
  }

  private static void record(
      Recorder recorder,
      String act,
      String subject,
      RevocationReason reason,
      Optional<Long> number,
      int certificates) {
    Map<String, String> attributes = new HashMap<>();
    attributes.put("reason", reason.text());
    attributes.put("number", number.map(String::valueOf).orElse("unchanged"));
    attributes.put("certificates", Integer.toString(certificates));
    recorder.record(act, subject, attributes);
  }

  private static <T> void answer(StreamObserver<T> response, Act<T> act) {
    T answer;
    try {
      answer = act.run();
    } catch (StatusException e) {
      response.onError(e);
      return;
    } catch (IOException | PkiException e) {
      response.onError(
          Status.UNAVAILABLE.withDescription(String.valueOf(e.getMessage())).asException());
      return;
    }
    response.onNext(answer);
    response.onCompleted();
  }

  private static void send(
      ListRevocationsResponse.Builder part, StreamObserver<ListRevocationsResponse> response) {
    if (part.getRevocationsCount() == PART) {
      response.onNext(part.build());
      part.clearRevocations();
    }
  }

  private static StatusException refused(Status status, String why) {
    return status.withDescription(why).asException();
  }

  private static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder().setSeconds(time.getEpochSecond()).build();
  }
}
