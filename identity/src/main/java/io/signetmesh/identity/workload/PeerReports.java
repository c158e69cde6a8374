package io.signetmesh.identity.workload;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.live.AnchorUse;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.v1.PeerAnchor;
import io.signetmesh.v1.TrustReport;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which anchors live connections depend on, for reports. It looks at the connections when it is
 * told that the anchors have changed, at most every {@link #PAUSE}, and every {@link #PERIOD} while
 * the answer is not a matter of course. It is one while only one anchor is trusted and all peers
 * are under it: connections come and go then, and nobody needs to know.
 *
 * <p>All state belongs to the timer's thread, except what {@link #changed} touches.
 */
final class PeerReports {
  private static final Logger log = LoggerFactory.getLogger(PeerReports.class);

  /** Between two looks. */
  static final Duration PAUSE = Duration.ofSeconds(5);

  /** Peers come and go without a change of anchors. */
  static final Duration PERIOD = Duration.ofSeconds(30);

  private static final int MAX_ANCHORS = 16;

  /** Around a name in a message: tags and lengths. */
  private static final int NAME_OVERHEAD = 6;

  private final Supplier<List<X509Certificate>> trusted;
  private final Runnable report;
  private final Timer timer;
  private final InstantSource clock;
  private final AtomicBoolean changed = new AtomicBoolean();
  private volatile @Nullable Supplier<CompletionStage<List<AnchorUse>>> source;

  private List<AnchorUse> uses = List.of();
  private Map<X509Certificate, AnchorUse> told = Map.of();
  private Instant lookedAt = Instant.MIN;
  private boolean looking;
  private boolean again;
  private Timer.Scheduled periodic = () -> {};

  /**
   * Reports nothing before {@link #from}.
   *
   * @param trusted anchors of the own trust domain in force
   * @param report sends a report with {@link #addTo}
   */
  PeerReports(
      Supplier<List<X509Certificate>> trusted, Runnable report, Timer timer, InstantSource clock) {
    this.trusted = trusted;
    this.report = report;
    this.timer = timer;
    this.clock = clock;
  }

  /**
   * Sets who knows the anchors. May be called from any thread.
   *
   * @param anchors answers on any thread, in any order
   */
  void from(Supplier<CompletionStage<List<AnchorUse>>> anchors) {
    source = anchors;
    changed();
  }

  /** The anchors may have changed. May be called from any thread, and costs next to nothing. */
  void changed() {
    if (source != null && !changed.get() && changed.compareAndSet(false, true)) {
      timer.execute(this::plan);
    }
  }

  private void plan() {
    timer.schedule(pause(), this::look);
  }

  /** Whatever happens to the clock, it is at most {@link #PAUSE}. */
  private Duration pause() {
    Instant now = clock.instant();
    Instant next = lookedAt.equals(Instant.MIN) ? now : lookedAt.plus(PAUSE);
    Duration left = Duration.between(now, next);
    return left.isNegative() ? Duration.ZERO : left.compareTo(PAUSE) > 0 ? PAUSE : left;
  }

  private void look() {
    changed.set(false);
    Supplier<CompletionStage<List<AnchorUse>>> anchors = source;
    if (anchors == null) {
      return;
    }
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    lookedAt = clock.instant();
    anchors.get().whenComplete((found, failure) -> timer.execute(() -> onAnswer(found, failure)));
  }

  private void onAnswer(@Nullable List<AnchorUse> found, @Nullable Throwable failure) {
    looking = false;
    if (found == null) {
      log.error("anchors of live connections are not known", failure);
    } else {
      take(found);
    }
    if (again) {
      again = false;
      changed();
    }
  }

  private void take(List<AnchorUse> found) {
    uses =
        found.stream()
            .sorted(Comparator.comparing(use -> Certificates.fingerprint(use.anchor())))
            .limit(MAX_ANCHORS)
            .toList();
    Map<X509Certificate, AnchorUse> now = notMattersOfCourse();
    periodic.cancel();
    periodic = now.isEmpty() ? () -> {} : timer.schedule(PERIOD, this::changed);
    if (!now.equals(told)) {
      told = now;
      report.run();
    }
  }

  private Map<X509Certificate, AnchorUse> notMattersOfCourse() {
    Map<X509Certificate, AnchorUse> peers = new HashMap<>();
    // The number of connections changes all the time.
    uses.forEach(
        use -> peers.put(use.anchor(), new AnchorUse(use.anchor(), 1, use.peers(), use.leftOut())));
    List<X509Certificate> anchors = trusted.get();
    if (anchors.size() == 1) {
      peers.remove(anchors.getFirst());
    }
    return peers;
  }

  /**
   * Adds what is known to a report: all anchors, and names of peers as far as they fit.
   *
   * @param maxBytes how large the report may become
   */
  void addTo(TrustReport.Builder report, int maxBytes) {
    List<PeerAnchor.Builder> anchors = new ArrayList<>();
    int left = maxBytes - report.build().getSerializedSize();
    for (AnchorUse use : uses) {
      PeerAnchor.Builder anchor =
          PeerAnchor.newBuilder()
              .setAnchorSha256(ByteString.copyFrom(Certificates.sha256(use.anchor())))
              .setConnections(use.connections())
              // As large as it may become: names that do not fit are left out.
              .setPeersLeftOut(true);
      anchors.add(anchor);
      left -= anchor.build().getSerializedSize() + NAME_OVERHEAD;
    }
    // Each anchor has its first name before any has its second.
    for (int i = 0; i < AnchorUse.MAX_PEERS; i++) {
      for (int j = 0; j < anchors.size(); j++) {
        List<String> peers = uses.get(j).peers();
        if (i < peers.size()) {
          int size = peers.get(i).getBytes(StandardCharsets.UTF_8).length + NAME_OVERHEAD;
          if (size <= left) {
            left -= size;
            anchors.get(j).addPeers(peers.get(i));
          }
        }
      }
    }
    for (int j = 0; j < anchors.size(); j++) {
      AnchorUse use = uses.get(j);
      PeerAnchor.Builder anchor = anchors.get(j);
      anchor.setPeersLeftOut(use.leftOut() || anchor.getPeersCount() < use.peers().size());
      report.addPeerAnchors(anchor);
    }
  }
}
