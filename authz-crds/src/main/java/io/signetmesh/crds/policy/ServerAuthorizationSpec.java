package io.signetmesh.crds.policy;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link ServerAuthorization} says.
 *
 * @param server the servers of the namespace it is about
 * @param client the clients that are granted access
 */
public record ServerAuthorizationSpec(@Required ServerRef server, @Required Client client) {
  /**
   * Servers by name or by label.
   *
   * @param name name of one server
   * @param selector labels of servers
   */
  @ExactlyOneOf({"name", "selector"})
  public record ServerRef(
      @Text(TextFormat.LABEL) @Nullable String name, @Nullable LabelSelector selector) {}

  /**
   * Clients by network and by how they authenticate.
   *
   * @param networks networks to come from; empty means the cluster networks
   * @param unauthenticated whether clients without TLS are granted access
   * @param meshTLS clients with TLS that are granted access
   */
  public record Client(List<Network> networks, boolean unauthenticated, @Nullable MeshTls meshTLS) {
    /** Networks that are not given are none. */
    public Client {
      networks = networks == null ? List.of() : List.copyOf(networks);
    }
  }

  /**
   * Clients by mesh identity.
   *
   * @param unauthenticatedTLS whether TLS without a verified identity is enough
   * @param identities identities: exact, {@code *.suffix} or {@code *}
   * @param serviceAccounts service accounts whose identities are granted access
   */
  public record MeshTls(
      boolean unauthenticatedTLS,
      @Text(TextFormat.IDENTITY) List<String> identities,
      List<ServiceAccountRef> serviceAccounts) {
    /** Lists that are not given are empty. */
    public MeshTls {
      identities = identities == null ? List.of() : List.copyOf(identities);
      serviceAccounts = serviceAccounts == null ? List.of() : List.copyOf(serviceAccounts);
    }
  }

  /**
   * A service account.
   *
   * @param name its name
   * @param namespace its namespace; null means that of the authorization
   */
  public record ServiceAccountRef(
      @Required @Text(TextFormat.LABEL) String name,
      @Text(TextFormat.LABEL) @Nullable String namespace) {}
}
