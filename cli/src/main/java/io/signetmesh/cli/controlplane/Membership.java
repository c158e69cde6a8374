package io.signetmesh.cli.controlplane;

import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What a server of the control plane, or an operator's command, needs to become a member of the
 * mesh.
 *
 * @param names names in the identities of the mesh
 * @param anchors PEM of the trust anchors
 * @param token file with the member's token
 * @param identityServer where the CA is
 */
public record Membership(
    MeshNames names, String anchors, Path token, InetSocketAddress identityServer) {

  /**
   * Has a certificate issued, and keeps it valid until the client is closed.
   *
   * @param limit longest wait for the first certificate
   * @throws TimeoutException when there is none by then; the log says why
   */
  public IdentityClient join(
      WorkloadIdentity identity, ControlLoops loops, InstantSource clock, Duration limit)
      throws IOException, PkiException, TimeoutException, InterruptedException {
    TrustBundle bundle =
        new TrustBundle(0, names.trustDomain(), Certificates.parsePem("trust anchors", anchors));
    ControlChannel.Address address =
        new ControlChannel.Address(
            identityServer.getAddress().getHostAddress(), identityServer.getPort());
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
}
