package io.signetmesh.identity.workload;

import io.signetmesh.identity.pki.PeerTrust;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the control plane says by the stream of another client of the process. It counts while the
 * client's own stream has nothing to say: at the start, and after that stream was lost. All state
 * belongs to the timer's thread.
 */
final class NeighbourTrust {
  private static final Logger log = LoggerFactory.getLogger(NeighbourTrust.class);
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final Supplier<@Nullable PeerTrust> neighbour;
  private final BooleanSupplier following;
  private final Supplier<PeerTrust> inForce;
  private final Consumer<PeerTrust> take;
  private final Timer timer;
  private boolean planned;

  /**
   * @param neighbour what the other client knows; null while it does not follow the control plane
   * @param following whether the own stream follows it
   * @param inForce what is trusted here
   * @param take puts it in force
   */
  NeighbourTrust(
      Supplier<@Nullable PeerTrust> neighbour,
      BooleanSupplier following,
      Supplier<PeerTrust> inForce,
      Consumer<PeerTrust> take,
      Timer timer) {
    this.neighbour = neighbour;
    this.following = following;
    this.inForce = inForce;
    this.take = take;
    this.timer = timer;
  }

  /**
   * Takes what the neighbour knows, unless that is older than what is in force.
   *
   * @return whether the neighbour knows anything
   */
  boolean take() {
    PeerTrust said = neighbour.get();
    if (said == null) {
      return false;
    }
    PeerTrust now = inForce.get();
    if (said.own().version() >= now.own().version()
        && said.revoked().number() >= now.revoked().number()
        && !said.equals(now)) {
      log.info("trusting {}, {}, as the neighbour does", said.own(), said.revoked());
      take.accept(said);
    }
    return true;
  }

  /** Takes what is new each second, until the own stream follows the control plane. */
  void takeUntilFollowing() {
    if (!planned) {
      planned = true;
      timer.schedule(LOOK, this::look);
    }
  }

  private void look() {
    planned = false;
    if (!following.getAsBoolean()) {
      take();
      takeUntilFollowing();
    }
  }
}
