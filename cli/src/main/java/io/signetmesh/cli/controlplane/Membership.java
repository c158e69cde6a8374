package io.signetmesh.cli.controlplane;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.linkerd.proxy.identity.CertifyRequest;
import io.linkerd.proxy.identity.CertifyResponse;
import io.linkerd.proxy.identity.IdentityGrpc;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.ca.SigningRequest;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadCertificate;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What a control-plane server or an operator's command needs to join the mesh.
 *
 * @param names names in the identities of the mesh
 * @param anchors trust anchors, as PEM
 * @param token file with the member's token
 * @param identityServer address of the identity server
 */
public record Membership(
    MeshNames names, String anchors, Path token, InetSocketAddress identityServer) {

  /**
   * Obtains a certificate, and renews it until the client is closed.
   *
   * @param identity identity of the member
   * @param limit longest wait for the first certificate
   * @throws TimeoutException when there is no certificate within the limit; the log says why
   */
  public IdentityClient join(
      WorkloadIdentity identity, ControlLoops loops, InstantSource clock, Duration limit)
      throws IOException, PkiException, TimeoutException, InterruptedException {
    TrustBundle bundle = bundle();
    ControlChannel.Address address = address();
    IdentityClient client =
        IdentityClient.start(
            IdentityClient.Config.of(
                identity.dnsName(), token, bundle, address, names.identityServer().dnsName()),
            loops,
            clock);
    try {
      client.firstCredentials().get(limit.toMillis(), TimeUnit.MILLISECONDS);
      return client;
    } catch (TimeoutException e) {
      client.close();
      throw new TimeoutException(
          "no certificate for "
              + identity.dnsName()
              + " from the identity server at "
              + address
              + " within "
              + limit.toSeconds()
              + " s; the log above says why");
    } catch (ExecutionException e) {
      client.close();
      throw new IOException("no certificate for " + identity.dnsName(), e.getCause());
    } catch (InterruptedException e) {
      client.close();
      throw e;
    }
  }

  /**
   * Obtains one certificate, as software does that is not behind a proxy: nothing renews it, and
   * nothing reports to the identity server what its holder trusts.
   *
   * @param limit for the answer
   * @throws StatusRuntimeException when the identity server refuses or does not answer, with its
   *     reason
   * @throws PkiException when what it answers is not such a certificate
   */
  public WorkloadCertificate certify(
      WorkloadIdentity identity, ControlLoops loops, InstantSource clock, Duration limit)
      throws IOException, PkiException {
    TrustBundle bundle = bundle();
    KeyPair keys = PrivateKeys.generate();
    CertifyRequest request =
        CertifyRequest.newBuilder()
            .setIdentity(identity.dnsName())
            .setToken(ByteString.copyFrom(Files.readAllBytes(token)))
            .setCertificateSigningRequest(
                ByteString.copyFrom(SigningRequest.create(identity.dnsName(), keys)))
            .build();
    ManagedChannel channel =
        ControlChannel.openAnonymous(
            address(), names.identityServer().dnsName(), () -> bundle, clock, loops);
    CertifyResponse response;
    try {
      response =
          IdentityGrpc.newBlockingStub(channel)
              .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
              .withWaitForReady()
              .certify(request);
    } finally {
      channel.shutdownNow();
    }
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(Certificates.parseDer("leaf received", response.getLeafCertificate().toByteArray()));
    for (ByteString der : response.getIntermediateCertificatesList()) {
      chain.add(Certificates.parseDer("intermediate received", der.toByteArray()));
    }
    try {
      PeerIdentity received =
          ChainVerifier.of(bundle, clock).verify(chain, ChainVerifier.Purpose.SERVER);
      if (!received.matches(identity.dnsName())
          || !chain.getFirst().getPublicKey().equals(keys.getPublic())) {
        throw new PkiException(
            "certificate received is for "
                + received.names()
                + ": expected "
                + identity.dnsName()
                + " and the key that was sent");
      }
    } catch (CertificateException e) {
      throw new PkiException("certificate received does not verify: " + e.getMessage(), e);
    }
    return new WorkloadCertificate(keys.getPrivate(), chain);
  }

  private TrustBundle bundle() throws PkiException {
    return new TrustBundle(0, names.trustDomain(), Certificates.parsePem("trust anchors", anchors));
  }

  private ControlChannel.Address address() {
    return new ControlChannel.Address(
        identityServer.getAddress().getHostAddress(), identityServer.getPort());
  }
}
