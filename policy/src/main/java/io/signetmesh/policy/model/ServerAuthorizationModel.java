package io.signetmesh.policy.model;

import io.signetmesh.crds.policy.EnforcementMode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A ServerAuthorization: the older form of a grant.
 *
 * @param ref the object
 * @param origin where it is written
 * @param serverName the Server granted; null when a selector names them
 * @param serverSelector selects Servers by label; null when one is named
 * @param networks client networks; none means the cluster networks
 * @param unauthenticated whether clients need no authentication
 * @param meshTls what the certificate of a client must be; null when nothing is said
 * @param mode whether it is in force
 */
public record ServerAuthorizationModel(
    ObjectRef ref,
    String origin,
    @Nullable String serverName,
    @Nullable LabelSelection serverSelector,
    List<NetworkMatch> networks,
    boolean unauthenticated,
    @Nullable MeshTls meshTls,
    EnforcementMode mode)
    implements PolicyObject {
  /** Copies the list. */
  public ServerAuthorizationModel {
    networks = List.copyOf(networks);
  }

  /** Whether the Server is granted. */
  public boolean selects(ServerModel server) {
    if (!server.ref().namespace().equals(ref.namespace())) {
      return false;
    }
    if (serverName != null) {
      return serverSelector == null && serverName.equals(server.ref().name());
    }
    return serverSelector != null && serverSelector.matches(server.labels());
  }

  /**
   * {@code client.meshTLS}.
   *
   * @param unauthenticatedTls whether TLS without a verified identity is enough
   * @param identities identities allowed
   * @param serviceAccounts service accounts allowed
   */
  public record MeshTls(
      boolean unauthenticatedTls, List<IdentityMatch> identities, List<Reference> serviceAccounts) {
    /** Copies its arguments. */
    public MeshTls {
      identities = List.copyOf(identities);
      serviceAccounts = List.copyOf(serviceAccounts);
    }
  }
}
