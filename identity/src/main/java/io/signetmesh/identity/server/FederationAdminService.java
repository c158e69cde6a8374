package io.signetmesh.identity.server;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.federation.BundleEndpoint;
import io.signetmesh.identity.federation.Federation;
import io.signetmesh.identity.federation.FederationServices;
import io.signetmesh.identity.federation.ForeignBundle;
import io.signetmesh.identity.federation.SpiffeBundle;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.v1.FederatedDomain;
import io.signetmesh.v1.FederationAdminGrpc;
import io.signetmesh.v1.FederationStatusRequest;
import io.signetmesh.v1.FederationStatusResponse;
import io.signetmesh.v1.ShowBundleRequest;
import io.signetmesh.v1.ShowBundleResponse;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code io.signetmesh.v1.FederationAdmin}: what operators of the host may ask about trust. */
final class FederationAdminService extends FederationAdminGrpc.FederationAdminImplBase {
  private final TrustBundleStore own;
  private volatile @Nullable FederationServices federation;

  FederationAdminService(TrustBundleStore own) {
    this.own = own;
  }

  /** Federation has been started. */
  void begin(FederationServices started) {
    federation = started;
  }

  private List<Federation.Status> all() {
    FederationServices started = federation;
    return started == null ? List.of() : started.status();
  }

  @Override
  public void showBundle(ShowBundleRequest request, StreamObserver<ShowBundleResponse> response) {
    TrustBundle ours = own.get();
    String asked = request.getTrustDomain();
    String domain = asked.isEmpty() ? ours.trustDomain() : asked;
    SpiffeBundle bundle =
        domain.equals(ours.trustDomain())
            ? SpiffeBundle.of(ours, BundleEndpoint.REFRESH_HINT)
            : foreign(domain);
    if (bundle == null) {
      response.onError(
          Status.NOT_FOUND
              .withDescription(
                  "there is no bundle of trust domain "
                      + WorkloadIdentity.printable(domain)
                      + ": expected "
                      + ours.trustDomain()
                      + " or a federated one")
              .asRuntimeException());
      return;
    }
    response.onNext(
        ShowBundleResponse.newBuilder()
            .setTrustDomain(domain)
            .setSpiffeBundle(ByteString.copyFrom(bundle.toJson()))
            .build());
    response.onCompleted();
  }

  private @Nullable SpiffeBundle foreign(String trustDomain) {
    for (Federation.Status status : all()) {
      ForeignBundle bundle = status.bundle();
      if (status.domain().trustDomain().equals(trustDomain) && bundle != null) {
        return bundle.document();
      }
    }
    return null;
  }

  @Override
  public void status(
      FederationStatusRequest request, StreamObserver<FederationStatusResponse> response) {
    FederationStatusResponse.Builder answer = FederationStatusResponse.newBuilder();
    for (Federation.Status status : all()) {
      answer.addDomains(domain(status));
    }
    response.onNext(answer.build());
    response.onCompleted();
  }

  private static FederatedDomain domain(Federation.Status status) {
    FederatedDomain.Builder domain =
        FederatedDomain.newBuilder()
            .setTrustDomain(status.domain().trustDomain())
            .setBundleEndpointUrl(status.domain().url().toString())
            .setProfile(status.domain().profileName())
            .setRefusals(status.refusals());
    ForeignBundle bundle = status.bundle();
    if (bundle != null) {
      domain.setHasBundle(true);
      Long sequence = bundle.document().sequence();
      if (sequence != null) {
        domain.setSequence(sequence);
      }
      bundle
          .document()
          .anchors()
          .forEach(
              anchor -> domain.addAnchorSha256(ByteString.copyFrom(Certificates.sha256(anchor))));
    }
    Instant succeeded = status.succeeded();
    if (succeeded != null) {
      domain.setSucceededAt(
          Timestamp.newBuilder()
              .setSeconds(succeeded.getEpochSecond())
              .setNanos(succeeded.getNano()));
    }
    String refusal = status.refusal();
    if (refusal != null) {
      domain.setRefusal(refusal);
    }
    return domain.build();
  }
}
