package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.ca.revocation.RevocationPublisher;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.channel.send.SendBudget;
import io.signetmesh.identity.federation.FederationServices;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.GetPublishedCrlRequest;
import io.signetmesh.v1.GetPublishedCrlResponse;
import io.signetmesh.v1.RenewalRequest;
import io.signetmesh.v1.RevocationUpdate;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code io.signetmesh.v1.TrustBundles}: bundles out, reports of what is trusted in. */
final class TrustBundleService extends TrustBundlesGrpc.TrustBundlesImplBase {
  private static final Logger log = LoggerFactory.getLogger(TrustBundleService.class);

  /** Smaller messages need no turn. */
  private static final int LARGE = 64 * 1024;

  /** Reports that are taken of a stream between two calls of {@link #allowReports}. */
  static final int MAX_REPORTS = 10;

  /** Largest list that is given to agents: their clients take messages of 4 MiB at most. */
  static final int MAX_PUBLISHED = 256 * 1024;

  /** For a workload to take a large message. */
  private static final Duration TIME_TO_TAKE = Duration.ofSeconds(60);

  private final TrustBundleStore store;
  private final FederationServices federation;
  private final RevocationStore revocations;
  private final RevocationPublisher publisher;
  private final AdoptionLedger ledger;
  private final RenewalRequests renewals;
  private final Executor sender;
  private final InstantSource clock;
  private final SendBudget budget = SendBudget.ofProcess();
  private final Set<Watch> watches = ConcurrentHashMap.newKeySet();
  private volatile Encoded last =
      new Encoded(
          null, List.of(), Set.of(), List.of(), io.signetmesh.v1.TrustBundle.getDefaultInstance());

  /** Bundles in force and the message that says so: streams share it. */
  private record Encoded(
      @Nullable TrustBundle own,
      List<TrustBundle> federated,
      Set<String> domains,
      List<String> retired,
      io.signetmesh.v1.TrustBundle message) {}

  /**
   * Makes the service.
   *
   * @param sender sends what has changed to all streams
   */
  TrustBundleService(
      TrustBundleStore store,
      FederationServices federation,
      RevocationStore revocations,
      RevocationPublisher publisher,
      AdoptionLedger ledger,
      RenewalRequests renewals,
      Executor sender,
      InstantSource clock) {
    this.store = store;
    this.federation = federation;
    this.revocations = revocations;
    this.publisher = publisher;
    this.ledger = ledger;
    this.renewals = renewals;
    this.sender = sender;
    this.clock = clock;
    revocations.onChange(this::sendToAll);
    federation.onChange(this::sendToAll);
    renewals.onChange(this::sendToAll);
  }

  /** Adds a gauge of the revocation lists that are on their way. */
  void bind(MeterRegistry registry) {
    Gauge.builder("signet.identity.revocation.lists.sending", budget, SendBudget::spent)
        .baseUnit("bytes")
        .description("Large revocation lists that workloads have not taken yet.")
        .register(registry);
  }

  private void sendToAll() {
    sender.execute(() -> eachWatch(Watch::send));
  }

  /** Sends renewal requests to those who are due. Call it several times a second. */
  void askForRenewal() {
    Object asked = renewals.version();
    if (asked != null) {
      eachWatch(watch -> watch.ask(asked));
    }
  }

  /** Ends streams whose client does not take what it was sent. Call it each few seconds. */
  void endSlow() {
    eachWatch(Watch::endIfSlow);
    budget.callNext();
  }

  /** Takes reports again of streams that have sent many. Call it each second. */
  void allowReports() {
    eachWatch(Watch::allowReports);
  }

  /** A stream that fails does not keep the others from their message. */
  private void eachWatch(Consumer<Watch> act) {
    for (Watch watch : watches) {
      try {
        act.accept(watch);
      } catch (RuntimeException e) {
        log.error("trust bundle stream of {} failed", watch.identity, e);
      }
    }
  }

  @Override
  public StreamObserver<TrustReport> watch(StreamObserver<io.signetmesh.v1.TrustBundle> response) {
    var out = (ServerCallStreamObserver<io.signetmesh.v1.TrustBundle>) response;
    Watch watch = new Watch(out, Caller.current().toString(), Caller.currentAddress());
    out.setOnCancelHandler(watch::end);
    out.setOnReadyHandler(watch::send);
    out.disableAutoRequest();
    out.request(1);
    watch.start();
    return watch;
  }

  /**
   * One stream. It has at most one message on its way: what changes meanwhile is sent as one
   * difference when the client has taken that.
   */
  private final class Watch implements StreamObserver<TrustReport>, SendBudget.Waiter {
    private final ServerCallStreamObserver<io.signetmesh.v1.TrustBundle> out;
    private final String identity;
    private final String address;
    private final long stream = ledger.open();
    private TrustBundleStore.@Nullable Registration registration;
    private boolean ended;
    private @Nullable Encoded sent;

    /** Of the golden ratio: streams that are opened one after the other are spread evenly. */
    private final double share = stream * 0.618_033_988_749_894_9 % 1;

    /** What the last message asked for; null for nothing. */
    private @Nullable Object told;

    private long sentNumber;
    private long sending;
    private Instant sendingSince = Instant.MAX;
    private int reports;
    private boolean hasToWait;

    Watch(
        ServerCallStreamObserver<io.signetmesh.v1.TrustBundle> out,
        String identity,
        String address) {
      this.out = out;
      this.identity = identity;
      this.address = address;
    }

    void start() {
      watches.add(this);
      TrustBundleStore.Registration made = store.onChange(bundle -> send());
      synchronized (this) {
        if (!ended) {
          registration = made;
          return;
        }
      }
      watches.remove(this);
      made.remove();
    }

    @Override
    public void retry() {
      send();
    }

    /** Sends what has changed, unless the client is still busy with what it was sent before. */
    void send() {
      List<SendBudget.Waiter> next = List.of();
      Status failure = null;
      synchronized (this) {
        if (ended || !out.isReady()) {
          return;
        }
        next = done();
        try {
          sendChanges();
        } catch (IOException | PkiException e) {
          log.error("the revocation list cannot be signed: {} is told nothing", identity, e);
          failure = Status.UNAVAILABLE.withDescription("the revocation list cannot be signed");
        }
      }
      next.forEach(SendBudget.Waiter::retry);
      if (failure != null && end()) {
        out.onError(failure.asRuntimeException());
      }
    }

    void ask(Object asked) {
      synchronized (this) {
        if (told == asked) {
          return;
        }
      }
      if (renewals.isDue(share)) {
        send();
      }
    }

    private void sendChanges() throws IOException, PkiException {
      Encoded newest = newest();
      Object asked = renewals.version();
      boolean isToBeTold = asked == told || asked == null || sent == null || renewals.isDue(share);
      if (newest == sent && sentNumber == revocations.number() && (asked == told || !isToBeTold)) {
        return;
      }
      RevocationPublisher.Publication publication = publisher.current();
      var message = newest.message.toBuilder();
      RenewalRequest renewal = isToBeTold ? renewals.message() : null;
      if (renewal != null) {
        message.setRenewal(renewal);
      }
      // An issuer that cannot sign lists is in order as long as there is nothing to list.
      if (sentNumber != publication.number()
          && (publication.isSignable() || !publication.isEmpty())) {
        byte[] crl = publication.since(sentNumber);
        if (crl.length > LARGE) {
          if (!budget.take(identity, crl.length, this)) {
            return;
          }
          sending = crl.length;
          sendingSince = clock.instant();
        }
        message.setRevocation(update(publication, crl));
      }
      sent = newest;
      told = renewal == null ? null : asked;
      sentNumber = publication.number();
      out.onNext(message.build());
    }

    /** The client has taken what it was sent. */
    private List<SendBudget.Waiter> done() {
      long taken = sending;
      sending = 0;
      sendingSince = Instant.MAX;
      return taken == 0 ? List.of() : budget.giveBack(identity, taken);
    }

    void endIfSlow() {
      synchronized (this) {
        if (ended || clock.instant().minus(TIME_TO_TAKE).isBefore(sendingSince)) {
          return;
        }
      }
      if (end()) {
        log.warn("{} at {} does not take its revocation list: stream ended", identity, address);
        out.onError(
            Status.DEADLINE_EXCEEDED
                .withDescription("not taken within " + TIME_TO_TAKE.toSeconds() + " s")
                .asRuntimeException());
      }
    }

    @Override
    public void onNext(TrustReport report) {
      String problem = AdoptionLedger.problem(report);
      if (!problem.isEmpty()) {
        if (end()) {
          out.onError(
              Status.INVALID_ARGUMENT
                  .withDescription("TrustReport of " + identity + ": " + problem)
                  .asRuntimeException());
        }
        return;
      }
      if (!report.getRefusal().isEmpty()) {
        log.warn(
            "{} at {} refuses a trust bundle: {}",
            identity,
            address,
            WorkloadIdentity.printable(report.getRefusal()));
      }
      synchronized (this) {
        if (ended) {
          return;
        }
        ledger.report(stream, identity, address, report);
        reports++;
        hasToWait = reports >= MAX_REPORTS;
        if (hasToWait) {
          return;
        }
      }
      out.request(1);
    }

    /** What was held back stays with the client, as far as the window of its stream goes. */
    void allowReports() {
      synchronized (this) {
        reports = 0;
        if (!hasToWait || ended) {
          return;
        }
        hasToWait = false;
      }
      out.request(1);
    }

    @Override
    public void onError(Throwable error) {
      end();
    }

    @Override
    public void onCompleted() {
      if (end()) {
        out.onCompleted();
      }
    }

    /** Nothing is sent any more. Says whether this was the end, and not one after it. */
    boolean end() {
      TrustBundleStore.Registration made;
      List<SendBudget.Waiter> next;
      synchronized (this) {
        if (ended) {
          return false;
        }
        ended = true;
        next = done();
        made = registration;
        registration = null;
        ledger.close(stream);
      }
      watches.remove(this);
      budget.forget(this);
      if (made != null) {
        made.remove();
      }
      next.forEach(SendBudget.Waiter::retry);
      return true;
    }
  }

  @Override
  public void getPublishedCrl(
      GetPublishedCrlRequest request, StreamObserver<GetPublishedCrlResponse> response) {
    var out = (ServerCallStreamObserver<GetPublishedCrlResponse>) response;
    GetPublishedCrlResponse.Builder answer = GetPublishedCrlResponse.newBuilder();
    try {
      RevocationPublisher.Publication newest = publisher.current();
      answer.setNumber(newest.number());
      byte[] crl = newest.isSignable() ? newest.direct() : new byte[0];
      if (crl.length <= MAX_PUBLISHED) {
        answer.setCrl(UnsafeByteOperations.unsafeWrap(crl));
      }
    } catch (IOException | PkiException e) {
      log.error("the revocation list cannot be signed: {} gets none", Caller.current(), e);
      out.onError(
          Status.UNAVAILABLE
              .withDescription("the revocation list cannot be signed")
              .asRuntimeException());
      return;
    }
    int bytes = answer.getCrl().size();
    if (bytes > LARGE) {
      String identity = Caller.current().toString();
      if (!budget.takeNow(identity, bytes)) {
        out.onError(
            Status.RESOURCE_EXHAUSTED
                .withDescription("too much is on its way: ask again later")
                .asRuntimeException());
        return;
      }
      Runnable taken = () -> budget.giveBack(identity, bytes).forEach(SendBudget.Waiter::retry);
      out.setOnCloseHandler(taken);
      out.setOnCancelHandler(taken);
    }
    out.onNext(answer.build());
    out.onCompleted();
  }

  private static RevocationUpdate update(RevocationPublisher.Publication publication, byte[] crl) {
    RevocationUpdate.Builder update =
        RevocationUpdate.newBuilder().setCrl(UnsafeByteOperations.unsafeWrap(crl));
    publication
        .signerChain()
        .forEach(der -> update.addSignerChain(UnsafeByteOperations.unsafeWrap(der)));
    return update.build();
  }

  /** What is in force now: whichever part has changed, the message has all of it. */
  private Encoded newest() {
    TrustBundle own = store.get();
    List<TrustBundle> federated = federation.trusted();
    Set<String> domains = federation.domains();
    List<String> retired = store.retired();
    Encoded known = last;
    if (known.own != own
        || known.federated != federated
        || known.domains != domains
        || known.retired != retired) {
      var message = encode(own);
      federated.forEach(bundle -> message.addFederated(encode(bundle)));
      message.addAllForeignDomains(new TreeSet<>(domains));
      for (String fingerprint : retired) {
        message.addRetiredAnchors(ByteString.copyFrom(HexFormat.of().parseHex(fingerprint)));
      }
      known = new Encoded(own, federated, domains, retired, message.build());
      last = known;
    }
    return known;
  }

  private static io.signetmesh.v1.TrustBundle.Builder encode(TrustBundle bundle) {
    var message =
        io.signetmesh.v1.TrustBundle.newBuilder()
            .setVersion(bundle.version())
            .setTrustDomain(bundle.trustDomain());
    for (byte[] der : bundle.anchorsDer()) {
      message.addAnchors(ByteString.copyFrom(der));
    }
    for (JwtAuthority authority : bundle.jwtAuthorities()) {
      message.addJwtAuthorities(
          io.signetmesh.v1.JwtAuthority.newBuilder()
              .setKeyId(authority.keyId())
              .setPublicKey(ByteString.copyFrom(authority.key().getEncoded())));
    }
    return message;
  }
}
