package io.signetmesh.proxy;

import io.signetmesh.proxy.admin.AdminLoop;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.handover.HandoverServer;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a proxy takes the place of a running one, see {@link Predecessor}: it looks for it, and takes
 * over once the policy of all its ports is in force.
 */
final class TakeOver {
  private static final Logger log = LoggerFactory.getLogger(TakeOver.class);

  /** A successor that has no certificate or no policy by then gives up. */
  private static final Duration TAKE_OVER = Duration.ofMinutes(2);

  private static final long POLICY_LOOK_MILLIS = 20;

  private final ProxyConfig config;
  private final Predecessor predecessor;
  private final Successor successor;
  private final AtomicBoolean taken = new AtomicBoolean();

  /** The proxy that takes over. */
  interface Successor {
    /** Whether it is being closed. */
    boolean isClosing();

    boolean isCertified();

    /** Ports whose policy is in force. */
    Set<Integer> portsInForce();

    /** Port of the admin server. */
    int adminPort();

    /** Runs looks at what is missing. */
    ScheduledExecutorService timer();

    /**
     * Takes connections, and has the predecessor drain: that cannot be taken back.
     *
     * @return false when it ends and nothing was done
     */
    boolean serve(Predecessor predecessor);

    /** It cannot serve. */
    void failed(Throwable cause);
  }

  TakeOver(ProxyConfig config, Predecessor predecessor, Successor successor) {
    this.config = config;
    this.predecessor = predecessor;
    this.successor = successor;
  }

  /** Why a proxy can neither take over nor hand over; null when it can. */
  static @Nullable String obstacle(ProxyConfig config, IoTransport transport) {
    Path socket = config.handover();
    return socket == null
        ? "SIGNET_PROXY_HANDOVER is off"
        : HandoverServer.obstacle(transport, socket);
  }

  /**
   * The running proxy whose place is taken; null when there is none.
   *
   * @param obstacle see {@link #obstacle}
   * @param loop where its answers are received
   * @param replace whether one may be running
   * @throws IOException when one is running that may not, or that does not hand over
   */
  static @Nullable Predecessor predecessor(
      ProxyConfig config, AdminLoop loop, @Nullable String obstacle, boolean replace)
      throws IOException {
    Path socket = config.handover();
    if (obstacle != null || socket == null) {
      if (replace) {
        log.warn("no listeners can be taken over, they are bound anew: {}", obstacle);
      } else {
        log.debug("this proxy cannot be replaced without an interruption: {}", obstacle);
      }
      return null;
    }
    if (replace) {
      return Predecessor.ask(loop.group(), socket, config.loops());
    }
    if (Predecessor.isThere(loop.group(), socket)) {
      throw new IOException(
          "a proxy that runs already waits for its successor at "
              + socket
              + ": expected none; stop it, or start this one as its successor (signet proxy"
              + " --replace)");
    }
    return null;
  }

  /** Gives up when there is no certificate, or no policy, for too long. */
  void limit() {
    successor.timer().schedule(this::giveUp, TAKE_OVER.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Ports whose policy must be in force before connections are taken over. */
  private Set<Integer> pinnedPorts() {
    Set<Integer> ports = new HashSet<>(config.inboundPorts());
    ports.add(successor.adminPort());
    config.inboundListeners().forEach(listener -> ports.add(listener.port()));
    return ports;
  }

  /** Takes over as soon as the policy of all pinned ports is in force. */
  void takeOverOnceInForce() {
    if (successor.isClosing()) {
      return;
    }
    if (!successor.portsInForce().containsAll(pinnedPorts())) {
      successor
          .timer()
          .schedule(this::takeOverOnceInForce, POLICY_LOOK_MILLIS, TimeUnit.MILLISECONDS);
      return;
    }
    takeOver();
  }

  private void takeOver() {
    if (!taken.compareAndSet(false, true)) {
      return;
    }
    log.info("taking over from process {}", predecessor.process());
    predecessor
        .pause()
        .thenAccept(
            inOrder ->
                // Waits for the connection to close: on no loop.
                Thread.ofPlatform().name("take-over").start(() -> serveInPlaceOf(inOrder)));
  }

  /**
   * Serves, unless the predecessor has given up on this proxy.
   *
   * @param inOrder whether the predecessor has said that it takes no more connections
   */
  private void serveInPlaceOf(boolean inOrder) {
    if (predecessor.goesOn()) {
      // Two would serve, and nobody would end the older one.
      successor.failed(
          new IllegalStateException(
              "it was not ready in time to take over: process "
                  + predecessor.process()
                  + " goes on"));
      return;
    }
    boolean serves = successor.serve(predecessor);
    predecessor.close();
    if (serves) {
      log.info(
          "taking connections in place of process {}{}",
          predecessor.process(),
          inOrder ? "" : ", which has not answered: make sure that it ends");
    }
  }

  /** There was no certificate, or no policy, for too long. */
  private void giveUp() {
    if (taken.get() || successor.isClosing()) {
      return;
    }
    if (predecessor.isGone()) {
      // Nobody else serves: each connection waits for its policy, as after a start.
      if (successor.isCertified()) {
        takeOver();
      }
      return;
    }
    Set<Integer> missing = pinnedPorts();
    missing.removeAll(successor.portsInForce());
    successor.failed(
        new IllegalStateException(
            (successor.isCertified() ? "no policy for ports " + missing : "no certificate")
                + " within "
                + TAKE_OVER
                + ": process "
                + predecessor.process()
                + " goes on"));
  }
}
