package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code io.signetmesh.v1.TrustBundles}: bundles out, reports of what is trusted in. */
final class TrustBundleService extends TrustBundlesGrpc.TrustBundlesImplBase {
  private static final Logger log = LoggerFactory.getLogger(TrustBundleService.class);
  private static final int DIGEST = 32;
  private static final int MAX_REFUSAL = 1024;

  /** Reports are kept: what a workload adds to one must not be. */
  private static final int MAX_REPORT_BYTES = 4 * 1024;

  private final TrustBundleStore store;
  private final AdoptionLedger ledger;

  TrustBundleService(TrustBundleStore store, AdoptionLedger ledger) {
    this.store = store;
    this.ledger = ledger;
  }

  @Override
  public StreamObserver<TrustReport> watch(StreamObserver<io.signetmesh.v1.TrustBundle> response) {
    var out = (ServerCallStreamObserver<io.signetmesh.v1.TrustBundle>) response;
    Watch watch = new Watch(out, Caller.current().toString(), Caller.currentAddress());
    out.setOnCancelHandler(watch::end);
    watch.start();
    return watch;
  }

  private final class Watch implements StreamObserver<TrustReport> {
    private final ServerCallStreamObserver<io.signetmesh.v1.TrustBundle> out;
    private final String identity;
    private final String address;
    private final long stream = ledger.open();
    private TrustBundleStore.@Nullable Registration registration;
    private boolean ended;

    Watch(
        ServerCallStreamObserver<io.signetmesh.v1.TrustBundle> out,
        String identity,
        String address) {
      this.out = out;
      this.identity = identity;
      this.address = address;
    }

    void start() {
      TrustBundleStore.Registration made = store.onChange(this::send);
      synchronized (this) {
        if (!ended) {
          registration = made;
          return;
        }
      }
      made.remove();
    }

    private synchronized void send(TrustBundle bundle) {
      if (!ended) {
        out.onNext(encode(bundle));
      }
    }

    @Override
    public void onNext(TrustReport report) {
      int digest = report.getTrustedDigest().size();
      if (digest != DIGEST
          || report.getRefusal().length() > MAX_REFUSAL
          || report.getSerializedSize() > MAX_REPORT_BYTES) {
        if (!end()) {
          return;
        }
        out.onError(
            Status.INVALID_ARGUMENT
                .withDescription(
                    "TrustReport with a digest of "
                        + digest
                        + " bytes and a refusal of "
                        + report.getRefusal().length()
                        + " characters in "
                        + report.getSerializedSize()
                        + " bytes: expected "
                        + DIGEST
                        + ", at most "
                        + MAX_REFUSAL
                        + " and at most "
                        + MAX_REPORT_BYTES)
                .asRuntimeException());
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
        if (!ended) {
          ledger.report(stream, identity, address, report);
        }
      }
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
      synchronized (this) {
        if (ended) {
          return false;
        }
        ended = true;
        made = registration;
        registration = null;
        ledger.close(stream);
      }
      if (made != null) {
        made.remove();
      }
      return true;
    }
  }

  private static io.signetmesh.v1.TrustBundle encode(TrustBundle bundle) {
    var message =
        io.signetmesh.v1.TrustBundle.newBuilder()
            .setVersion(bundle.version())
            .setTrustDomain(bundle.trustDomain());
    for (byte[] der : bundle.anchorsDer()) {
      message.addAnchors(ByteString.copyFrom(der));
    }
    return message.build();
  }
}
