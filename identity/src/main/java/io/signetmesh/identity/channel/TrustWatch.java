package io.signetmesh.identity.channel;

import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.PeerTrust;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the connections of a server, or of a channel, to the newest trust: looks for a change
 * {@value #LOOKS_A_SECOND} times a second, from the first connection on. Thread-safe.
 */
final class TrustWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrustWatch.class);
  private static final int LOOKS_A_SECOND = 5;

  private final Supplier<PeerTrust> trust;
  private final LivePeers peers;
  private final EventLoopGroup loops;
  private @Nullable PeerTrust last;
  private @Nullable Future<?> looking;
  private boolean closed;

  /**
   * @param trust gives the newest trust; cheap
   */
  TrustWatch(Supplier<PeerTrust> trust, InstantSource clock, EventLoopGroup loops) {
    this.trust = trust;
    this.peers =
        new LivePeers(trust, clock, Duration.ZERO, () -> ThreadLocalRandom.current().nextDouble());
    this.loops = loops;
  }

  /** Where connections are registered. */
  synchronized LivePeers peers() {
    if (looking == null && !closed) {
      long period = 1000 / LOOKS_A_SECOND;
      looking = loops.scheduleWithFixedDelay(this::look, period, period, TimeUnit.MILLISECONDS);
    }
    return peers;
  }

  private void look() {
    PeerTrust now;
    try {
      now = trust.get();
    } catch (RuntimeException e) {
      log.debug("the newest trust in peers is not known: {}", e.toString());
      return;
    }
    if (now != last) {
      last = now;
      peers.changed();
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    Future<?> running = looking;
    if (running != null) {
      running.cancel(false);
    }
  }
}
