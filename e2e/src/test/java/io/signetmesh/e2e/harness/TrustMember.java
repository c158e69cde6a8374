package io.signetmesh.e2e.harness;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.v1.ServedLeaf;
import io.signetmesh.v1.TrustBundle;
import io.signetmesh.v1.TrustBundlesGrpc;
import io.signetmesh.v1.TrustReport;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A live workload without proxy: it reports on the trust bundle stream as proxies do, takes bundles
 * only when it is told to, and never renews its leaf. So it holds a rotation for as long as a test
 * needs.
 */
public final class TrustMember implements AutoCloseable, StreamObserver<TrustBundle> {
  private final Credentials credentials;
  private final ControlLoops loops;
  private final ManagedChannel channel;
  private final StreamObserver<TrustReport> reports;
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  // Guarded by this.
  private TrustBundle offered = TrustBundle.getDefaultInstance();
  private boolean takes;

  private TrustMember(Mesh mesh, Leaf leaf) throws Exception {
    credentials = new Credentials(leaf.certificate(), mesh.trust());
    loops = ControlLoops.start(1);
    channel =
        ControlChannel.open(
            ControlChannel.Address.parse(ListenAddress.text(mesh.addresses().identity())),
            mesh.processes().names().identityServer().dnsName(),
            () -> credentials,
            Clock.systemUTC(),
            loops);
    reports = TrustBundlesGrpc.newStub(channel).watch(this);
    report(0, credentials.trust().digest());
  }

  /** Joins a mesh with a leaf of its own; it goes on to trust what the leaf's anchor is. */
  public static TrustMember join(Mesh mesh, Leaf leaf) throws Exception {
    return new TrustMember(mesh, leaf);
  }

  /** Acknowledges the newest bundle, and each that follows. */
  public synchronized void take() throws Exception {
    takes = true;
    acknowledge();
  }

  private void acknowledge() throws Exception {
    List<X509Certificate> anchors = new ArrayList<>();
    for (ByteString der : offered.getAnchorsList()) {
      anchors.add(Certificates.parseDer("anchor", der.toByteArray()));
    }
    report(
        offered.getVersion(),
        new io.signetmesh.identity.pki.TrustBundle(
                offered.getVersion(), offered.getTrustDomain(), anchors)
            .digest());
  }

  private synchronized void report(long version, byte[] digest) {
    X509Certificate leaf = credentials.certificate().leaf();
    reports.onNext(
        TrustReport.newBuilder()
            .setTrustedVersion(version)
            .setTrustedDigest(ByteString.copyFrom(digest))
            .setLeaf(
                ServedLeaf.newBuilder()
                    .setSha256(ByteString.copyFrom(Certificates.sha256(leaf)))
                    .setSerial(Certificates.serial(leaf))
                    .setIssuerKeySha256(
                        ByteString.copyFrom(
                            Certificates.sha256(credentials.issuer().getPublicKey())))
                    .setNotAfter(
                        Timestamp.newBuilder()
                            .setSeconds(leaf.getNotAfter().toInstant().getEpochSecond())))
            .build());
  }

  @Override
  public synchronized void onNext(TrustBundle bundle) {
    offered = bundle;
    if (takes) {
      try {
        acknowledge();
      } catch (Exception e) {
        ended.completeExceptionally(e);
      }
    }
  }

  @Override
  public void onError(Throwable error) {
    ended.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    ended.complete(null);
  }

  /** Throws when the stream has ended: what was seen then is not due to this member. */
  public void expectLive() {
    if (ended.isDone()) {
      ended.join();
      throw new AssertionError("the stream has been ended by the server");
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
    loops.close();
  }
}
