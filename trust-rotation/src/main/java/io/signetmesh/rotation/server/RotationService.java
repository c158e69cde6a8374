package io.signetmesh.rotation.server;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.channel.LocalPeer;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.Member;
import io.signetmesh.rotation.NewAnchor;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationEngine;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationRefusedException;
import io.signetmesh.rotation.RotationStore;
import io.signetmesh.rotation.TrustAuthority;
import io.signetmesh.v1.AbortRotationRequest;
import io.signetmesh.v1.AbortRotationResponse;
import io.signetmesh.v1.GetTrustRequest;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.ListLeavesRequest;
import io.signetmesh.v1.ListLeavesResponse;
import io.signetmesh.v1.ListRotationsRequest;
import io.signetmesh.v1.ListRotationsResponse;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.TrustRotationsGrpc;
import io.signetmesh.v1.WaiveWorkloadsRequest;
import io.signetmesh.v1.WaiveWorkloadsResponse;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.signetmesh.v1.TrustRotations}: operators of the host rotate trust anchors.
 *
 * <p>Longer than 500 lines: one service of seven methods, each with what it refuses.
 */
final class RotationService extends TrustRotationsGrpc.TrustRotationsImplBase {
  private static final Logger log = LoggerFactory.getLogger(RotationService.class);
  private static final int MAX_REASON = 1_024;
  private static final int MAX_WAIVED = 1_000;

  private final TrustAuthority trust;
  private final RotationStore store;
  private final RotationEngine engine;
  private final String trustDomain;
  private final InstantSource clock;

  RotationService(
      TrustAuthority trust,
      RotationStore store,
      RotationEngine engine,
      String trustDomain,
      InstantSource clock) {
    this.trust = trust;
    this.store = store;
    this.engine = engine;
    this.trustDomain = trustDomain;
    this.clock = clock;
  }

  /** What a call does. */
  @FunctionalInterface
  private interface Answer<T> {
    T make() throws IOException, PkiException;
  }

  /** Answers with a status that says what was wrong. */
  private static <T> void answer(StreamObserver<T> response, Answer<T> answer) {
    T made;
    try {
      made = answer.make();
    } catch (StatusRuntimeException e) {
      response.onError(e);
      return;
    } catch (RotationRefusedException e) {
      response.onError(refused(Status.FAILED_PRECONDITION, e));
      return;
    } catch (IOException | PkiException | RuntimeException e) {
      log.error("a call about trust rotation failed", e);
      response.onError(refused(Status.INTERNAL, e));
      return;
    }
    response.onNext(made);
    response.onCompleted();
  }

  static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }

  private static StatusRuntimeException refused(Status status, Exception e) {
    return status.withDescription(String.valueOf(e.getMessage())).asRuntimeException();
  }

  private static String operator() {
    return "operator uid " + LocalPeer.current().uid();
  }

  @Override
  public void getTrust(GetTrustRequest request, StreamObserver<GetTrustResponse> response) {
    answer(response, this::trust);
  }

  private GetTrustResponse trust() throws IOException, PkiException {
    RotationEngine.Progress progress = engine.progress();
    Rotation rotation = progress == null ? null : progress.rotation();
    List<X509Certificate> anchors = trust.anchors();
    AnchorSet inForce = inForce();
    List<Member> fleet = trust.recentFleet();
    GetTrustResponse.Builder answer =
        GetTrustResponse.newBuilder()
            .setTrustDomain(trustDomain)
            .setIssuerAnchorSha256(RotationMessages.bytes(trust.issuerAnchor()));
    for (X509Certificate certificate : trust.issuer()) {
      answer.addIssuerChain(ByteString.copyFrom(Certificates.der(certificate)));
    }
    for (X509Certificate anchor : anchors) {
      String fingerprint = RotationPlan.fingerprint(anchor);
      answer.addAnchors(
          status(fingerprint, state(fingerprint, rotation), fleet)
              .setCertificate(ByteString.copyFrom(Certificates.der(anchor))));
    }
    for (String retired : store.retired()) {
      if (!inForce.contains(retired)) {
        answer.addAnchors(status(retired, TrustAnchorStatus.State.RETIRED, fleet));
      }
    }
    String digest = inForce.digest();
    for (Member member : fleet) {
      switch (member.presence()) {
        case GONE -> answer.setGone(answer.getGone() + 1);
        case SILENT -> answer.setSilent(answer.getSilent() + 1);
        case LIVE -> {
          answer.setLive(answer.getLive() + 1);
          if (member.trusts().equals(digest)) {
            answer.setAdopted(answer.getAdopted() + 1);
          } else if (answer.getBehindCount() < RotationMessages.MAX_LISTED) {
            answer.addBehind(RotationMessages.leaf(member, inForce));
          }
        }
      }
    }
    if (progress != null) {
      answer.setRotation(RotationMessages.rotation(progress.rotation(), progress.obstacles()));
    }
    return answer.build();
  }

  private AnchorSet inForce() {
    return AnchorSet.of(trust.anchors().stream().map(RotationPlan::fingerprint).toList());
  }

  private static TrustAnchorStatus.State state(String anchor, @Nullable Rotation rotation) {
    if (rotation == null || rotation.isDone()) {
      return TrustAnchorStatus.State.IN_FORCE;
    }
    if (rotation.leaving().contains(anchor)) {
      return TrustAnchorStatus.State.LEAVING;
    }
    return rotation.before().contains(anchor)
        ? TrustAnchorStatus.State.IN_FORCE
        : rotation.after().contains(anchor)
            ? TrustAnchorStatus.State.ARRIVING
            : TrustAnchorStatus.State.IN_FORCE;
  }

  private static TrustAnchorStatus.Builder status(
      String anchor, TrustAnchorStatus.State state, List<Member> fleet) {
    TrustAnchorStatus.Builder status =
        TrustAnchorStatus.newBuilder().setSha256(RotationMessages.bytes(anchor)).setState(state);
    for (Member member : fleet) {
      if (member.anchor().equals(anchor)) {
        switch (member.presence()) {
          case LIVE -> status.setLiveLeaves(status.getLiveLeaves() + 1);
          case GONE -> status.setGoneLeaves(status.getGoneLeaves() + 1);
          case SILENT -> status.setSilentLeaves(status.getSilentLeaves() + 1);
        }
      }
    }
    return status;
  }

  @Override
  public void startRotation(
      StartRotationRequest request, StreamObserver<StartRotationResponse> response) {
    answer(response, () -> start(request));
  }

  private StartRotationResponse start(StartRotationRequest request)
      throws IOException, PkiException {
    String reason = reason(request.getReason());
    Set<String> leaving = new TreeSet<>();
    for (ByteString fingerprint : request.getLeavingSha256List()) {
      if (fingerprint.size() != 32) {
        throw invalid("fingerprint of " + fingerprint.size() + " bytes: expected 32");
      }
      leaving.add(HexFormat.of().formatHex(fingerprint.toByteArray()));
    }
    Rotation underWay = store.current();
    Rotation superseded = null;
    if (underWay != null && request.getCompromised()) {
      superseded = superseded(underWay, request, leaving);
      if (superseded == null) {
        return compromise(underWay, AnchorSet.of(leaving), request.getDryRun(), reason);
      }
      leaving.addAll(inForce().fingerprints());
      leaving.addAll(superseded.leaving().fingerprints());
    }
    RequestedAnchor requested = new RequestedAnchor(request, trust);
    NewAnchor anchor = requested.find();
    boolean isToBeMade = request.hasToken() && anchor == null;
    if (isToBeMade) {
      // Nothing is made in the token for a plan that cannot be carried out.
      anchor = requested.example();
    }
    RotationPlan plan = plan(request, anchor, leaving, underWay, superseded);
    if (isToBeMade && !request.getDryRun() && plan.isClean()) {
      anchor = requested.makeInToken();
      isToBeMade = false;
      plan = plan(request, anchor, leaving, underWay, superseded);
    }
    StartRotationResponse.Builder answer =
        StartRotationResponse.newBuilder()
            .addAllBeforeSha256(RotationMessages.bytes(plan.before()))
            .addAllAfterSha256(RotationMessages.bytes(plan.after()))
            .setLatestEnd(RotationMessages.timestamp(plan.latestEnd()));
    plan.findings().forEach(finding -> answer.addFindings(RotationMessages.finding(finding)));
    if (!request.getDryRun() && plan.isClean()) {
      answer.setRotation(
          RotationMessages.rotation(
              superseded == null
                  ? engine.begin(plan, operator(), reason)
                  : engine.supersede(superseded.id(), plan, operator(), reason),
              List.of()));
    }
    if (anchor != null) {
      answer
          .setNewAnchor(ByteString.copyFrom(Certificates.der(anchor.certificate())))
          .setNewAnchorIsExample(isToBeMade || (request.hasGenerate() && !answer.hasRotation()));
    }
    return answer.build();
  }

  private RotationPlan plan(
      StartRotationRequest request,
      @Nullable NewAnchor anchor,
      Set<String> leaving,
      @Nullable Rotation current,
      @Nullable Rotation superseded)
      throws IOException, PkiException {
    Rotation underWay = superseded == null ? current : null;
    AnchorSet left = AnchorSet.NONE;
    if (request.getCompromised()) {
      left = engine.left(inForce());
    }
    if (superseded != null) {
      left = left.plus(superseded.leaving()).minus(inForce());
    }
    RotationPlan plan =
        RotationPlan.of(
            new RotationPlan.Request(
                anchor, leaving, request.getCompromised(), window(request), left),
            trust.anchors(),
            trust.issuerAnchor(),
            retired(),
            underWay == null ? null : underWay.id(),
            trust.fleet(),
            trust.leafLife(),
            clock.instant());
    plan =
        plan.withoutToken(trust.withoutToken())
            .certifiedAgain(trust.issuerAnchor(), trust.earlierIssuerAnchors());
    if (request.getWithoutCrossCertificate()) {
      plan = plan.withoutCrossCertificate();
    }
    String refusal = trust.cannotRotate();
    if (superseded != null) {
      plan =
          plan.warned(
              "rotation "
                  + superseded.id()
                  + " is under way and ends, because this one takes its place: "
                  + trust.cannotIssue(superseded));
    }
    if (!refusal.isEmpty()) {
      plan = plan.refused(refusal);
    } else if (underWay == null && !sharedKey(plan).isEmpty()) {
      plan = plan.refused(sharedKey(plan));
    } else if (underWay == null && plan.compromised() && anchor == null) {
      String why = trust.cannotReplaceIssuer(plan.before().minus(plan.after()));
      plan = why.isEmpty() ? plan : plan.cannotReplaceIssuer(why);
    } else if (underWay == null && plan.needsCrossCertificate(trust.issuerAnchor())) {
      String why = trust.cannotVouch();
      plan = why.isEmpty() ? plan : plan.cannotVouch(why);
    }
    // A rotation under way changes the anchors itself, and the plan has it already.
    if (underWay == null) {
      try {
        trust.inForce();
      } catch (RotationRefusedException e) {
        plan = plan.refused(String.valueOf(e.getMessage()));
      }
    }
    return plan;
  }

  private String sharedKey(RotationPlan plan) throws IOException, PkiException {
    return plan.compromised()
        ? RotationPlan.sharedKey(
            plan.before().minus(plan.after()), plan.after(), certificates(plan.left()))
        : "";
  }

  /** The anchors in force, and all that are kept if some have left. */
  private List<X509Certificate> certificates(AnchorSet left) throws IOException, PkiException {
    List<X509Certificate> known = new ArrayList<>(trust.anchors());
    if (!left.isEmpty()) {
      known.addAll(trust.keptCertificates(store.all().stream().map(Rotation::id).toList()));
    }
    return known;
  }

  private Set<String> retired() {
    Set<String> digests = new TreeSet<>(store.retired());
    digests.addAll(trust.retired());
    return digests;
  }

  /**
   * The rotation under way, if one to a new anchor is to take its place: it is after a compromise,
   * and cannot make the issuer that it needs.
   */
  private @Nullable Rotation superseded(
      Rotation underWay, StartRotationRequest request, Set<String> leaving) {
    boolean hasAnchor = request.getAnchorCase() != StartRotationRequest.AnchorCase.ANCHOR_NOT_SET;
    return hasAnchor
            && leaving.isEmpty()
            && underWay.compromised()
            && trust.cannotRotate().isEmpty()
            && !trust.cannotIssue(underWay).isEmpty()
        ? underWay
        : null;
  }

  /**
   * If the rotation under way leads away from the compromised anchors, it goes on without waiting.
   *
   * @param leaving the compromised anchors; empty for all that were in force before it
   */
  private StartRotationResponse compromise(
      Rotation underWay, AnchorSet leaving, boolean dryRun, String reason)
      throws IOException, PkiException {
    AnchorSet others = leaving.minus(underWay.union());
    AnchorSet left = others.isEmpty() ? AnchorSet.NONE : engine.left(inForce());
    String refusal = underWay.refusalToLeave(leaving, left);
    if (refusal.isEmpty()) {
      List<X509Certificate> known = new ArrayList<>(certificates(others));
      try {
        known.addAll(trust.keptCertificates(List.of(underWay.id())));
      } catch (IOException | PkiException e) {
        // The declaration must not wait until they can be read.
        log.warn("anchors of rotation {} cannot be read", underWay.id(), e);
      }
      refusal = RotationPlan.sharedKey(underWay.leaving().plus(others), underWay.staying(), known);
    }
    StartRotationResponse.Builder answer =
        StartRotationResponse.newBuilder()
            .addAllBeforeSha256(RotationMessages.bytes(underWay.before()))
            .addAllAfterSha256(RotationMessages.bytes(underWay.after()))
            .setLatestEnd(RotationMessages.timestamp(clock.instant()))
            .addFindings(
                TrustRotationFinding.newBuilder()
                    .setIsError(!refusal.isEmpty())
                    .setMessage(
                        refusal.isEmpty()
                            ? "rotation "
                                + underWay.id()
                                + " is under way in phase "
                                + underWay.phase()
                                + ": it goes on as after a compromise, to its own new anchor;"
                                + " certificates that may have been forged or renewed before now are revoked"
                            : refusal));
    if (refusal.isEmpty() && !others.isEmpty()) {
      answer.addFindings(
          TrustRotationFinding.newBuilder()
              .setMessage(
                  "anchors "
                      + others
                      + " have left already: they are revoked with those that the rotation takes away "
                      + underWay.leaving()
                      + ", which are taken for compromised, too, and are not waited for"));
    }
    String why = refusal.isEmpty() ? trust.cannotIssue(underWay) : "";
    if (!why.isEmpty()) {
      answer.addFindings(
          TrustRotationFinding.newBuilder()
              .setMessage(
                  "no issuer can be made under the anchors that stay: "
                      + why
                      + "; compromised anchors leave nevertheless if an issuer under another one is"
                      + " there; bring the key back, or run \"signet trust rotate --compromised\""
                      + " again: a rotation to a new anchor then takes the place of this one"));
    }
    Set<String> withoutToken = refusal.isEmpty() ? trust.withoutToken() : Set.of();
    if (!withoutToken.isEmpty()) {
      answer.addFindings(RotationMessages.finding(RotationPlan.joinedByToken(withoutToken)));
    }
    if (!dryRun && refusal.isEmpty()) {
      answer.setRotation(
          RotationMessages.rotation(
              engine.compromise(leaving, left, operator(), reason), List.of()));
    }
    return answer.build();
  }

  private static Duration window(StartRotationRequest request) {
    try {
      return Duration.ofSeconds(
          request.getRenewWindow().getSeconds(), request.getRenewWindow().getNanos());
    } catch (ArithmeticException e) {
      throw invalid("renew window out of range");
    }
  }

  @Override
  public void abortRotation(
      AbortRotationRequest request, StreamObserver<AbortRotationResponse> response) {
    answer(
        response,
        () ->
            AbortRotationResponse.newBuilder()
                .setRotation(message(engine.abort(operator(), reason(request.getReason()))))
                .build());
  }

  @Override
  public void waiveWorkloads(
      WaiveWorkloadsRequest request, StreamObserver<WaiveWorkloadsResponse> response) {
    answer(
        response,
        () -> {
          Set<String> identities = new TreeSet<>(request.getIdentitiesList());
          if (identities.isEmpty() || identities.size() > MAX_WAIVED) {
            throw invalid(identities.size() + " workloads: expected 1 to " + MAX_WAIVED);
          }
          Set<String> known = new TreeSet<>();
          for (Member member : trust.fleet()) {
            known.add(member.identity());
            // Of some, nothing is known but that others have connections with them.
            member.peerAnchors().values().forEach(known::addAll);
          }
          for (String identity : identities) {
            if (!known.contains(identity)) {
              throw invalid(
                  "workload "
                      + WorkloadIdentity.printable(identity)
                      + " has no certificate that is valid and no live peers: there is nothing to"
                      + " waive");
            }
          }
          return WaiveWorkloadsResponse.newBuilder()
              .setRotation(
                  message(engine.waive(identities, operator(), reason(request.getReason()))))
              .build();
        });
  }

  @Override
  public void listRotations(
      ListRotationsRequest request, StreamObserver<ListRotationsResponse> response) {
    answer(
        response,
        () -> {
          ListRotationsResponse.Builder answer = ListRotationsResponse.newBuilder();
          store.all().forEach(rotation -> answer.addRotations(message(rotation)));
          return answer.build();
        });
  }

  @Override
  public void listLeaves(ListLeavesRequest request, StreamObserver<ListLeavesResponse> response) {
    LeafPages pages;
    try {
      pages = new LeafPages(trust.anchors(), store.current(), trust.fleet(), clock.instant());
    } catch (RuntimeException e) {
      log.error("the leaves of the mesh cannot be told", e);
      response.onError(refused(Status.INTERNAL, e));
      return;
    }
    pages.send((ServerCallStreamObserver<ListLeavesResponse>) response);
  }

  private static TrustRotation message(Rotation rotation) {
    return RotationMessages.rotation(rotation, List.of());
  }

  private static String reason(String text) {
    if (text.length() > MAX_REASON) {
      throw invalid("reason of " + text.length() + " characters: expected at most " + MAX_REASON);
    }
    return text.replaceAll("\\p{Cntrl}", "?").strip();
  }
}
