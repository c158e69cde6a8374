package io.signetmesh.crds.policy;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a {@link ServerAuthorization}.
 *
 * @param server the Servers, in the same namespace
 * @param client the clients that are allowed
 */
public record ServerAuthorizationSpec(@Required ServerRef server, @Required Client client) {
  /**
   * Servers by name or by label. Exactly one is set.
   *
   * @param name name of one Server
   * @param selector label selector of Servers
   */
  @ExactlyOneOf({"name", "selector"})
  public record ServerRef(
      @Text(TextFormat.LABEL) @Nullable String name, @Nullable LabelSelector selector) {}

  /**
   * Clients, by network and by authentication.
   *
   * @param networks networks, one of which has the client's address; empty means the cluster
   *     networks
   * @param unauthenticated whether clients without mesh TLS are allowed
   * @param meshTLS clients with mesh TLS that are allowed
   */
  public record Client(List<Network> networks, boolean unauthenticated, @Nullable MeshTls meshTLS) {
    /** Copies the networks; null becomes an empty list. */
    public Client {
      networks = networks == null ? List.of() : List.copyOf(networks);
    }
  }

  /**
   * Clients by mesh identity.
   *
   * @param unauthenticatedTLS whether TLS without a verified client identity is enough
   * @param identities mesh identities: exact, {@code *.suffix}, or {@code *} for any
   * @param serviceAccounts ServiceAccounts whose identities are allowed
   */
  public record MeshTls(
      boolean unauthenticatedTLS,
      @Text(TextFormat.IDENTITY) List<String> identities,
      List<ServiceAccountRef> serviceAccounts) {
    /** Copies the lists; null becomes an empty list. */
    public MeshTls {
      identities = identities == null ? List.of() : List.copyOf(identities);
      serviceAccounts = serviceAccounts == null ? List.of() : List.copyOf(serviceAccounts);
    }
  }

  /**
   * A reference to a ServiceAccount.
   *
   * @param name its name
   * @param namespace its namespace; null means that of the authorization
   */
  public record ServiceAccountRef(
      @Required @Text(TextFormat.LABEL) String name,
      @Text(TextFormat.LABEL) @Nullable String namespace) {}
}
