package io.signetmesh.identity.workload;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.GetPublishedCrlRequest;
import io.signetmesh.v1.GetPublishedCrlResponse;
import io.signetmesh.v1.JwtSvidsGrpc;
import io.signetmesh.v1.MintJwtSvidRequest;
import io.signetmesh.v1.MintJwtSvidResponse;
import io.signetmesh.v1.TrustBundlesGrpc;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Obtains the workload's credentials and keeps them valid. It renews the leaf with a new key at
 * about 70 % of its validity, and follows changes of the trust bundle. It works on a thread of its
 * own, or in its turn on threads of the process; {@link #current} is a volatile read.
 */
public final class IdentityClient implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(IdentityClient.class);

  /** For the identity server to hear that a leaf is given up. */
  private static final long GIVE_UP_MILLIS = 1_000;

  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);

  private final Timer timer;
  private final Runnable end;
  private final InstantSource clock;
  private final PeerTrust configured;
  private final NeighbourTrust neighbour;
  private final LeafRenewal renewal;
  private final BundleWatch watch;
  private final @Nullable ManagedChannel tokens;
  private final ManagedChannel bundles;
  private final List<ManagedChannel> channels = new CopyOnWriteArrayList<>();
  private final List<Consumer<Credentials>> listeners = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Credentials> first = new CompletableFuture<>();

  /** What goes to the control plane; for all others from the first trust message on. */
  private volatile @Nullable Credentials held;

  private volatile @Nullable Credentials current;
  private volatile @Nullable Instant validUntil;
  private volatile @Nullable Instant refreshed;

  /**
   * Configuration of a client.
   *
   * @param localName DNS name to be certified for
   * @param tokenFile holds the token that attests the name; read for each call
   * @param anchors trusted until the control plane sends a bundle; version 0
   * @param address address of the identity server
   * @param serverName identity that the server must have; null for cleartext, to a loopback address
   *     only
   * @param minRefresh shortest wait before a renewal, unless the leaf would expire
   * @param maxRefresh longest wait before a renewal
   */
  public record Config(
      String localName,
      Path tokenFile,
      TrustBundle anchors,
      ControlChannel.Address address,
      @Nullable String serverName,
      Duration minRefresh,
      Duration maxRefresh) {
    /** Default of {@code minRefresh}. */
    public static final Duration MIN_REFRESH = Duration.ofSeconds(10);

    /** Default of {@code maxRefresh}. */
    public static final Duration MAX_REFRESH = Duration.ofHours(24);

    /** Refuses an invalid DNS name, bounds out of order, and cleartext to another host. */
    public Config {
      WorkloadIdentity.requireDnsName("identity", localName);
      if (!minRefresh.isPositive() || minRefresh.compareTo(maxRefresh) > 0) {
        throw new IllegalArgumentException(
            "refresh bounds " + minRefresh + " to " + maxRefresh + ": expected 0 < min <= max");
      }
      if (serverName == null && !address.isLoopback()) {
        throw new IllegalArgumentException(
            "identity server " + address + " needs a server name: it is not on a loopback address");
      }
    }

    /** A configuration with the default bounds. */
    public static Config of(
        String localName,
        Path tokenFile,
        TrustBundle anchors,
        ControlChannel.Address address,
        @Nullable String serverName) {
      return new Config(
          localName, tokenFile, anchors, address, serverName, MIN_REFRESH, MAX_REFRESH);
    }
  }

  private IdentityClient(
      Config config,
      ControlLoops loops,
      Timer timer,
      Runnable end,
      InstantSource clock,
      Supplier<@Nullable PeerTrust> known) {
    this.clock = clock;
    this.configured = PeerTrust.of(config.anchors());
    this.timer = timer;
    this.end = end;
    AbandonedKeys abandoned = new AbandonedKeys();
    DoubleSupplier random = () -> ThreadLocalRandom.current().nextDouble();
    ManagedChannel certify;
    String serverName = config.serverName();
    if (serverName == null) {
      certify = ControlChannel.openCleartext(config.address(), loops);
      this.bundles = certify;
      channels.add(certify);
      this.tokens = null;
    } else {
      // Certify goes without certificate: an expired one would keep us from getting the next.
      certify =
          ControlChannel.openAnonymousWith(config.address(), serverName, this::peers, clock, loops);
      this.bundles = ControlChannel.open(config.address(), serverName, this::own, clock, loops);
      ManagedChannel minting =
          ControlChannel.open(config.address(), serverName, this::own, clock, loops);
      channels.add(certify);
      channels.add(bundles);
      channels.add(minting);
      this.tokens = minting;
    }
    this.renewal =
        new LeafRenewal(
            config.localName(),
            config.tokenFile(),
            this::trust,
            request ->
                serverName == null
                    ? IdentityCalls.certify(certify, request)
                    : IdentityCalls.askAndLeave(certify, request),
            serverName == null
                ? null
                : request -> certifyByLeaf(config.address(), serverName, loops, request),
            this::onCertificate,
            new RefreshSchedule(config.minRefresh(), config.maxRefresh(), random),
            abandoned,
            timer,
            clock);
    this.watch =
        new BundleWatch(
            answers -> IdentityCalls.openWatch(bundles, answers),
            this::own,
            this::onTrust,
            renewal::follow,
            this::onSettled,
            renewal::renewNow,
            abandoned,
            random,
            timer,
            clock);
    this.neighbour =
        new NeighbourTrust(known, watch::isFollowing, this::peers, this::onTrust, timer);
  }

  /**
   * Starts to obtain credentials, on a thread of the client's own. {@link #firstCredentials}
   * completes when there are some.
   */
  public static IdentityClient start(Config config, ControlLoops loops, InstantSource clock) {
    ThreadTimer thread = ThreadTimer.start();
    return start(new IdentityClient(config, loops, thread, thread::end, clock, () -> null));
  }

  /**
   * Starts to obtain credentials.
   *
   * @param turn where the client works; closed with it
   */
  public static IdentityClient start(
      Config config, ControlLoops loops, WorkloadThreads.Turn turn, InstantSource clock) {
    return start(config, loops, turn, clock, () -> null);
  }

  /**
   * Starts to obtain credentials beside a client that has them already.
   *
   * @param turn where the client works; closed with it
   * @param known what the control plane says now by the other client, as {@link #trustNow} has it,
   *     of the same identity server and with the same anchors. With it the first credentials are
   *     there with the first certificate. Null: they wait for the trust bundle
   */
  public static IdentityClient start(
      Config config,
      ControlLoops loops,
      WorkloadThreads.Turn turn,
      InstantSource clock,
      Supplier<@Nullable PeerTrust> known) {
    return start(new IdentityClient(config, loops, turn, turn::close, clock, known));
  }

  private static IdentityClient start(IdentityClient client) {
    client.renewal.start();
    return client;
  }

  /**
   * Completes with the first credentials, on the client's thread, once there is a certificate and
   * the control plane has sent the trust bundle and the revocations. It never fails: the client
   * retries and logs each failure.
   */
  public CompletableFuture<Credentials> firstCredentials() {
    return first.copy();
  }

  /** The newest credentials; null before the first ones. */
  public @Nullable Credentials current() {
    return current;
  }

  /**
   * The newest credentials.
   *
   * @throws IllegalStateException before the first ones
   */
  public Credentials credentials() {
    Credentials seen = current;
    if (seen == null) {
      throw new IllegalStateException("there are no credentials yet");
    }
    return seen;
  }

  /**
   * What the control plane wants to be trusted now.
   *
   * @return null while no stream follows it, and when a part of it was refused here
   */
  public @Nullable PeerTrust trustNow() {
    // First: what is read after that is at least as new.
    boolean following = watch.isFollowing();
    Credentials seen = current;
    return seen == null || !following ? null : seen.peers();
  }

  /**
   * Calls the listener, on the client's thread, with the current credentials if there are some, and
   * with all later ones in order. The listener must not block: renewal waits for it.
   */
  public void onChange(Consumer<Credentials> listener) {
    timer.execute(
        () -> {
          listeners.add(listener);
          Credentials seen = current;
          if (seen != null) {
            notify(listener, seen);
          }
        });
  }

  /**
   * Has the control plane know which anchors live connections depend on. Without it, nothing is
   * reported of them. Call it once.
   */
  public void reportPeers(LivePeers live) {
    live.onAnchorsChanged(watch.peers()::changed);
    watch.peers().from(live::anchorsInUse);
  }

  /**
   * Requests a JWT-SVID of this workload. It is valid for 5 minutes, but not longer than the
   * workload's certificate.
   *
   * @param audience recipients of the token ({@code aud})
   * @return fails with a {@link StatusRuntimeException}: UNAVAILABLE before the first credentials,
   *     FAILED_PRECONDITION when the identity server is used in cleartext
   */
  public CompletableFuture<MintJwtSvidResponse> mintJwtSvid(List<String> audience) {
    ManagedChannel channel = tokens;
    if (channel == null) {
      return CompletableFuture.failedFuture(
          Status.FAILED_PRECONDITION
              .withDescription("an identity server in the clear signs no JWT-SVIDs")
              .asRuntimeException());
    }
    if (!isCertified()) {
      return CompletableFuture.failedFuture(uncertified());
    }
    CompletableFuture<MintJwtSvidResponse> answer = new CompletableFuture<>();
    JwtSvidsGrpc.newStub(channel)
        .withDeadlineAfter(CALL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .mint(
            MintJwtSvidRequest.newBuilder().addAllAudience(audience).build(),
            new CallAnswer<>(answer, "Mint"));
    return answer;
  }

  /**
   * Requests the revocation list as it is published for other software.
   *
   * @return fails with a {@link StatusRuntimeException}: UNAVAILABLE without a valid certificate
   */
  public CompletableFuture<GetPublishedCrlResponse> publishedCrl() {
    if (!isCertified()) {
      return CompletableFuture.failedFuture(uncertified());
    }
    CompletableFuture<GetPublishedCrlResponse> answer = new CompletableFuture<>();
    TrustBundlesGrpc.newStub(bundles)
        .withDeadlineAfter(CALL_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .getPublishedCrl(
            GetPublishedCrlRequest.getDefaultInstance(),
            new CallAnswer<>(answer, "GetPublishedCrl"));
    return answer;
  }

  private static StatusRuntimeException uncertified() {
    return Status.UNAVAILABLE
        .withDescription("there is no valid certificate to ask with")
        .asRuntimeException();
  }

  /** Whether there is a certificate that has not expired. */
  public boolean isCertified() {
    Instant until = validUntil;
    return current != null && until != null && clock.instant().isBefore(until);
  }

  /** Counters and times of this client's work so far. */
  public IdentityMetrics metrics() {
    return new IdentityMetrics(
        validUntil,
        refreshed,
        renewal.refreshes(),
        renewal.failures(),
        trust().version(),
        watch.refusals());
  }

  /**
   * Gives the leaf up, for which it waits at most a second, stops renewal and closes the channels.
   * {@link #current} keeps the last credentials.
   */
  @Override
  public void close() {
    try {
      watch.giveUp().get(GIVE_UP_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException | RejectedExecutionException e) {
      log.debug("the identity server does not know that the leaf is given up", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    end.run();
    channels.forEach(ManagedChannel::shutdownNow);
  }

  private TrustBundle trust() {
    return peers().own();
  }

  private PeerTrust peers() {
    Credentials seen = held;
    return seen == null ? configured : seen.peers();
  }

  private Credentials own() {
    Credentials seen = held;
    if (seen == null) {
      throw new IllegalStateException("there are no credentials yet");
    }
    return seen;
  }

  private void onCertificate(CertifyAnswer answer) {
    Credentials before = held;
    validUntil = answer.validUntil();
    refreshed = clock.instant();
    take(new Credentials(answer.certificate(), peers()));
    if (tokens != null) {
      // Tokens live no longer than the certificate that the connection was made with.
      tokens.enterIdle();
    }
    if (before == null) {
      if (neighbour.take()) {
        onSettled();
        watch.onLost(neighbour::takeUntilFollowing);
        neighbour.takeUntilFollowing();
      }
      watch.start();
    } else {
      watch.onLeafChanged(before.certificate().leaf());
    }
  }

  private void onTrust(PeerTrust trust) {
    PeerTrust before = peers();
    Credentials changed = own().withPeers(trust);
    take(changed);
    if (trust.own().anchors().equals(before.own().anchors())
        && trust.revoked() == before.revoked()) {
      return;
    }
    try {
      VerifiedPeer self =
          ChainVerifier.of(trust.own(), clock)
              .verifyPeer(changed.certificate().chain(), Purpose.SERVER);
      Optional<String> refusal = trust.revoked().refusal(self);
      if (refusal.isPresent() && before.revoked().refusal(self).isEmpty()) {
        log.warn("own certificate is refused by all peers: {}; asking for another", refusal.get());
        renewal.renewNow();
      }
    } catch (CertificateException e) {
      log.info("own certificate does not lead to the new anchors: asking for another");
      renewal.renewNow();
    }
  }

  /**
   * The control plane has said what is trusted and what is revoked, to this client or to the one
   * beside it, or knows nothing of that. Only now are there credentials for others: a workload that
   * starts must not let in a peer that has been revoked. While the control plane cannot be asked
   * there is no certificate for it either.
   */
  private void onSettled() {
    if (current == null) {
      publish(own());
      first.complete(credentials());
    }
  }

  private void take(Credentials credentials) {
    held = credentials;
    if (current != null) {
      publish(credentials);
    }
  }

  private void publish(Credentials credentials) {
    current = credentials;
    listeners.forEach(listener -> notify(listener, credentials));
  }

  private static void notify(Consumer<Credentials> listener, Credentials credentials) {
    try {
      listener.accept(credentials);
    } catch (RuntimeException e) {
      log.error("a listener for credentials failed", e);
    }
  }

  /** On a connection of its own: one that is open shows an older leaf. */
  private CompletableFuture<CertifyResponse> certifyByLeaf(
      ControlChannel.Address address,
      String serverName,
      ControlLoops loops,
      CertifyRequest request) {
    ManagedChannel channel =
        ControlChannel.open(address, serverName, this::credentials, clock, loops);
    channels.add(channel);
    CompletableFuture<CertifyResponse> answer = IdentityCalls.certify(channel, request);
    answer.whenComplete(
        (response, failure) -> {
          channels.remove(channel);
          channel.shutdown();
        });
    return answer;
  }
}
