package io.signetmesh.cli.demo;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cli.trust.TrustServer;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.v1.GeneratedAnchor;
import io.signetmesh.v1.GetTrustResponse;
import io.signetmesh.v1.StartRotationRequest;
import io.signetmesh.v1.StartRotationResponse;
import io.signetmesh.v1.TrustAnchorStatus;
import io.signetmesh.v1.TrustRotation;
import io.signetmesh.v1.TrustRotation.Phase;
import io.signetmesh.v1.TrustRotationFinding;
import io.signetmesh.v1.TrustRotationObstacle;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the demo of a rotation does with a running shop: it replaces the trust anchor while the
 * frontend calls all services, by the calls of {@code signet trust rotate}, and looks for itself
 * whether each phase keeps its promise: in what the workloads report, and by TLS handshakes.
 *
 * <p>A program without proxy, {@code legacy}, takes part. It reports nothing and knows only the
 * anchor that it was started with. So Retire waits until the demo waives it, and each promise can
 * be looked at before the old anchor has left.
 */
final class RotationDemonstration {
  private static final String LEGACY = "legacy";
  private static final String CANARY = "canary";
  private static final String BEFORE = "Before";
  private static final String AFTER = "After";
  private static final String STOCK = "/stock";
  private static final String REASON = "signet demo --rotate";
  private static final String ALERT = "fatal alert: unknown_ca";

  /** Obstacles that are about a certificate that nobody is known to serve. */
  private static final Set<String> ABSENT = Set.of("silent", "gone");

  private static final int WINDOW_SECONDS = 2;
  private static final int PAUSE_MILLIS = 20;
  private static final int MORE_ANSWERS = 20;

  /** Far more than each call and each phase takes; on a busy host everything takes its time. */
  private static final java.time.Duration TIMEOUT = java.time.Duration.ofSeconds(20);

  private final ShopMesh mesh;
  private final Shop shop;
  private final InstantSource clock;
  private final ControlLoops loops;
  private final java.time.Duration limit;
  private final Consumer<Proof> onProof;
  private final List<Proof> proofs = new ArrayList<>();

  /** From the start of the rotation on; null before. */
  private long began;

  private boolean rotating;
  private TrustRotation last = TrustRotation.getDefaultInstance();

  /**
   * Prepares a demonstration.
   *
   * @param limit for each phase
   * @param onProof told each proof as it comes
   */
  RotationDemonstration(
      ShopMesh mesh,
      ControlLoops loops,
      InstantSource clock,
      java.time.Duration limit,
      Consumer<Proof> onProof) {
    this.mesh = mesh;
    this.shop = mesh.shop();
    this.loops = loops;
    this.clock = clock;
    this.limit = limit;
    this.onProof = onProof;
  }

  /** What may be true. */
  @FunctionalInterface
  private interface Condition {
    boolean holds() throws CommandFailure;
  }

  /**
   * Runs it.
   *
   * @throws CommandFailure when the identity server refuses or does not answer
   */
  RotationReport.Outcome run()
      throws CommandFailure, IOException, PkiException, TimeoutException, InterruptedException {
    ShopMesh.Enforced written = mesh.awaitEnforcement(0, TIMEOUT);
    shop.admit(LEGACY, mesh.manifests());
    mesh.awaitEnforcement(written.generation(), TIMEOUT);
    try (TrustServer server = TrustServer.open(mesh.state());
        RotationTraffic traffic = RotationTraffic.start(shop)) {
      Set<Long> running = mesh.running();
      Run run = new Run(server, traffic);
      boolean complete = run.all();
      // Whatever happened, what happened to the traffic is told.
      boolean goesOn = traffic.awaitMore(MORE_ANSWERS, TIMEOUT);
      Map<String, Long> requests = traffic.served();
      long failed = traffic.failed();
      prove(
          AFTER,
          failed == 0 && goesOn && rotating,
          "%,d requests meanwhile, %d failed%s"
              .formatted(
                  requests.values().stream().mapToLong(Long::longValue).sum(),
                  failed,
                  traffic
                      .firstFailure()
                      .map(": "::concat)
                      .orElse(goesOn ? "" : ", but some get no answer any more")));
      Set<Long> now = mesh.running();
      prove(
          AFTER,
          now.equals(running),
          "%d of %d processes still run%s"
              .formatted(
                  running.stream().filter(now::contains).count(),
                  running.size(),
                  now.equals(running) ? ": 0 restarts" : ""));
      return new RotationReport.Outcome(
          List.copyOf(proofs),
          run.old,
          run.fresh,
          RotationReport.phases(last),
          requests,
          failed,
          complete);
    }
  }

  private boolean prove(String phase, boolean holds, String text) {
    Proof proof =
        new Proof(
            phase,
            rotating
                ? java.time.Duration.ofNanos(System.nanoTime() - began)
                : java.time.Duration.ZERO,
            holds,
            text);
    proofs.add(proof);
    onProof.accept(proof);
    return holds;
  }

  private boolean await(Condition condition) throws CommandFailure, InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    }
    return true;
  }

  /** One rotation from before to after, with what is looked at on the way. */
  private final class Run {
    private final TrustServer server;
    private final RotationTraffic traffic;
    private String old = "";
    private String fresh = "";
    private Set<String> workloads = new TreeSet<>();
    private final Set<String> waived = new TreeSet<>();
    private Fleet fleet = new Fleet(List.of());
    private GetTrustResponse trust = GetTrustResponse.getDefaultInstance();

    Run(TrustServer server, RotationTraffic traffic) {
      this.server = server;
      this.traffic = traffic;
    }

    /** Does it all. Stops at the first thing that is not as it should be. */
    boolean all()
        throws CommandFailure, IOException, PkiException, TimeoutException, InterruptedException {
      if (!settled()) {
        return false;
      }
      X509Certificate oldAnchor = anchor(old);
      WorkloadCertificate legacy = certificate();
      TlsProbe straggler = new TlsProbe(legacy, List.of(oldAnchor));
      if (!served(BEFORE, straggler, "legacy, a program without proxy, knows only that anchor:")
          || !planned()
          || !begun()) {
        return false;
      }
      AnchorSet both = AnchorSet.of(old, fresh);
      if (!count("Distribute", () -> fleet.trusting(both), "trust both anchors")) {
        return false;
      }
      X509Certificate newAnchor = anchor(fresh);
      return issuesUnderBoth(oldAnchor, newAnchor)
          && count("Renew", () -> fleet.under(fresh), "serve a certificate under the new anchor")
          && shown(straggler, newAnchor)
          && waits()
          && served("Retire", straggler, "until then, legacy is not cut off:")
          && waived()
          && refused(new TlsProbe(legacy, List.of(newAnchor)))
          && done()
          && served(
              AFTER,
              new TlsProbe(certificate(), List.of(newAnchor)),
              "legacy, started again with the new anchor:");
    }

    private void look() throws CommandFailure {
      trust = server.trust();
      last = trust.getRotation();
      fleet = new Fleet(server.leaves());
    }

    /** All workloads report, and trust the one anchor. */
    private boolean settled() throws CommandFailure, InterruptedException {
      Set<String> pods = new TreeSet<>();
      for (Service service : Service.values()) {
        pods.add(identity(service.pod()).dnsName());
      }
      pods.add(identity(Client.FRONTEND.label()).dnsName());
      pods.add(identity(Client.INTRUDER.label()).dnsName());
      boolean settled =
          await(
              () -> {
                look();
                if (trust.getAnchorsCount() != 1) {
                  return false;
                }
                old = hex(trust.getAnchors(0).getSha256());
                workloads = fleet.live();
                return workloads.containsAll(pods)
                    && fleet.trusting(AnchorSet.of(old)).equals(workloads)
                    && fleet.under(old).equals(workloads);
              });
      boolean flows = traffic.awaitMore(1, TIMEOUT);
      return prove(
          BEFORE,
          settled && flows,
          "anchor %s: %d of %d workloads trust it and serve a certificate under it"
              .formatted(AnchorSet.brief(old), fleet.under(old).size(), workloads.size()));
    }

    private StartRotationRequest.Builder request() {
      return StartRotationRequest.newBuilder()
          .setGenerate(GeneratedAnchor.getDefaultInstance())
          .setRenewWindow(Duration.newBuilder().setSeconds(WINDOW_SECONDS))
          .setReason(REASON);
    }

    private boolean planned() throws CommandFailure {
      StartRotationResponse plan = server.start(request().setDryRun(true).build());
      List<TrustRotationFinding> findings = plan.getFindingsList();
      return prove(
          "Prepare",
          findings.stream().noneMatch(TrustRotationFinding::getIsError)
              && findings.stream()
                  .anyMatch(finding -> finding.getMessage().contains(identity(LEGACY).dnsName())),
          "the plan has %s, and names whom it will wait for: legacy"
              .formatted(
                  findings.stream()
                      .filter(TrustRotationFinding::getIsError)
                      .map(TrustRotationFinding::getMessage)
                      .findFirst()
                      .orElse("no error")));
    }

    private boolean begun() throws CommandFailure {
      StartRotationResponse started = server.start(request().build());
      began = System.nanoTime();
      rotating = started.hasRotation();
      fresh = started.getAfterSha256Count() == 0 ? "" : hex(started.getAfterSha256(0));
      return prove(
          "Prepare",
          rotating && !fresh.isEmpty() && !fresh.equals(old),
          "rotation %s has begun: anchor %s -> %s"
              .formatted(
                  started.getRotation().getId(), AnchorSet.brief(old), AnchorSet.brief(fresh)));
    }

    /** Who does something, of all workloads that were there before. */
    private boolean count(String phase, java.util.function.Supplier<Set<String>> who, String what)
        throws CommandFailure, InterruptedException {
      boolean all =
          await(
              () -> {
                look();
                return who.get().containsAll(workloads);
              });
      return prove(
          phase,
          all,
          "%d of %d workloads %s"
                  .formatted(
                      workloads.stream().filter(who.get()::contains).count(),
                      workloads.size(),
                      what)
              + (all ? "" : waitsFor()));
    }

    private String waitsFor() {
      return last.getObstaclesList().stream()
          .map(TrustRotationObstacle::getMessage)
          .collect(Collectors.joining("; ", "; the rotation waits: ", ""));
    }

    /** Somebody joins, and leaves again. */
    private boolean issuesUnderBoth(X509Certificate oldAnchor, X509Certificate newAnchor)
        throws CommandFailure, IOException, PkiException, TimeoutException, InterruptedException {
      boolean activated =
          await(
              () -> {
                look();
                return last.getPhase().getNumber() > Phase.ACTIVATE.getNumber();
              });
      if (!activated) {
        return prove("Activate", false, "no issuer under the new anchor" + waitsFor());
      }
      List<X509Certificate> chain;
      WorkloadIdentity canary = identity(CANARY);
      try (IdentityClient client = mesh.membership(canary).join(canary, loops, clock, TIMEOUT)) {
        chain = client.credentials().certificate().chain();
      }
      return prove(
          "Activate",
          verifies(chain, oldAnchor) && verifies(chain, newAnchor),
          "a certificate issued now %s with the old anchor alone and %s with the new one alone"
              .formatted(
                  verifies(chain, oldAnchor) ? "verifies" : "does not verify",
                  verifies(chain, newAnchor) ? "verifies" : "does not"));
    }

    private boolean verifies(List<X509Certificate> chain, X509Certificate anchor) {
      return TlsProbe.verifies(chain, anchor, MeshNames.DEFAULT.trustDomain(), clock);
    }

    /** The services show by handshakes what they reported. */
    private boolean shown(TlsProbe probe, X509Certificate newAnchor) {
      List<String> shown = new ArrayList<>();
      for (Service service : Service.values()) {
        TlsProbe.Seen seen =
            probe.look(
                shop.from(Client.STRANGER, service), identity(service.pod()).dnsName(), TIMEOUT);
        if (verifies(seen.chain(), newAnchor)) {
          shown.add(service.pod());
        }
      }
      return prove(
          "Renew",
          shown.size() == Service.values().length,
          "shown in TLS handshakes by %s".formatted(String.join(", ", shown)));
    }

    private boolean waits() throws CommandFailure, InterruptedException {
      String legacy = identity(LEGACY).dnsName();
      boolean waits =
          await(
              () -> {
                look();
                waived.clear();
                last.getObstaclesList().forEach(obstacle -> waived.add(obstacle.getWorkload()));
                return last.getPhase() == Phase.RETIRE
                    && last.getObstaclesList().stream()
                        .allMatch(obstacle -> ABSENT.contains(obstacle.getKind()))
                    && waived.contains(legacy);
              });
      // On a busy host an answer of the identity server may come too late to be taken.
      Set<String> lost = new TreeSet<>(waived);
      lost.remove(legacy);
      waits &= workloads.containsAll(lost);
      return prove(
          "Retire",
          waits,
          waits
              ? "waits for legacy, which does not report what it trusts"
                  + (lost.isEmpty() ? "" : ", and for certificates that never arrived at " + lost)
              : "does not wait for legacy" + waitsFor());
    }

    private boolean served(String phase, TlsProbe probe, String who) {
      Answer answer = ask(probe);
      return prove(phase, answer.served(), who + " GET " + STOCK + ": " + answer.text());
    }

    private Answer ask(TlsProbe probe) {
      InetSocketAddress web = shop.from(Client.STRANGER, Service.WEB);
      return probe.get(web, identity(Service.WEB.pod()).dnsName(), STOCK, TIMEOUT).answer();
    }

    private boolean waived() throws CommandFailure, InterruptedException {
      server.waive(waived, REASON);
      AnchorSet alone = AnchorSet.of(fresh);
      return count(
          "Retire", () -> fleet.trusting(alone), "trust the new anchor alone: legacy is waived");
    }

    /** By web's proxy, not by us. */
    private boolean refused(TlsProbe probe) {
      Answer answer = ask(probe);
      boolean refused = !answer.served() && answer.text().contains(ALERT);
      return prove(
          "Retire",
          refused,
          "a certificate from before is tried: " + (refused ? ALERT : answer.text()));
    }

    private boolean done() throws CommandFailure, IOException, InterruptedException {
      boolean done =
          await(
              () -> {
                look();
                return last.getPhase() == Phase.DONE;
              });
      List<String> inForce =
          trust.getAnchorsList().stream()
              .filter(anchor -> anchor.getState() == TrustAnchorStatus.State.IN_FORCE)
              .map(anchor -> hex(anchor.getSha256()))
              .toList();
      boolean alone =
          done
              && !last.getReversed()
              && inForce.equals(List.of(fresh))
              && trust.getAnchorsList().stream()
                  .anyMatch(
                      anchor ->
                          anchor.getState() == TrustAnchorStatus.State.RETIRED
                              && hex(anchor.getSha256()).equals(old));
      long keys = keysKept();
      return prove(
          "Done",
          alone && keys == 0,
          "anchor %s is retired, %d of its keys are kept%s"
              .formatted(AnchorSet.brief(old), keys, done ? "" : waitsFor()));
    }

    /** Keys that rotations keep until they are done. */
    private long keysKept() throws IOException {
      Path directory = mesh.state().resolve("rotations");
      try (Stream<Path> files = Files.walk(directory)) {
        return files.filter(file -> file.toString().endsWith(".pem")).count();
      }
    }

    private X509Certificate anchor(String sha256) throws PkiException {
      for (TrustAnchorStatus anchor : trust.getAnchorsList()) {
        if (hex(anchor.getSha256()).equals(sha256)) {
          return Certificates.parseDer("anchor", anchor.getCertificate().toByteArray());
        }
      }
      throw new PkiException("anchor " + sha256 + " is not in force");
    }

    /** A certificate of legacy, which reports nothing. */
    private WorkloadCertificate certificate() throws IOException, PkiException {
      WorkloadIdentity legacy = identity(LEGACY);
      try {
        return mesh.membership(legacy).certify(legacy, loops, clock, TIMEOUT);
      } catch (StatusRuntimeException e) {
        throw new IOException("no certificate for " + legacy.dnsName() + ": " + e.getStatus(), e);
      }
    }

    private static String hex(ByteString bytes) {
      return HexFormat.of().formatHex(bytes.toByteArray());
    }

    private static WorkloadIdentity identity(String account) {
      return MeshNames.DEFAULT.identity(Shop.NAMESPACE, account);
    }
  }
}
