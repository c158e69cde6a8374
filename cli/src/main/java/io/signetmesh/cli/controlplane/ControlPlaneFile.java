package io.signetmesh.cli.controlplane;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The file {@code control-plane.json} of a state directory: addresses of the servers and names of
 * the mesh. With it, commands on the same host find the servers.
 *
 * @param servers addresses of the servers
 * @param names names in the identities of the mesh
 * @param collector address of the audit collector; null when there is none
 */
public record ControlPlaneFile(
    ControlPlane servers, MeshNames names, @Nullable InetSocketAddress collector) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NAME = "control-plane.json";

  /** Writes the file, replacing an existing one. */
  public void write(Path stateDirectory) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("identity", ListenAddress.text(servers.identity()));
    json.put("discovery", ListenAddress.text(servers.discovery()));
    json.put("policy", ListenAddress.text(servers.policy()));
    if (collector != null) {
      json.put("collector", ListenAddress.text(collector));
    }
    json.put("controlPlaneNamespace", names.controlPlaneNamespace());
    json.put("trustDomain", names.trustDomain());
    StateFiles.writePublic(
        stateDirectory.resolve(NAME),
        JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n");
  }

  /**
   * Reads the file of a state directory.
   *
   * @return empty when there is no file
   * @throws IOException when the file cannot be read or parsed
   */
  public static Optional<ControlPlaneFile> read(Path stateDirectory) throws IOException {
    Path file = stateDirectory.resolve(NAME);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = JSON.readTree(file.toFile());
      return Optional.of(
          new ControlPlaneFile(
              new ControlPlane(
                  ListenAddress.parse(json.path("identity").asText()),
                  ListenAddress.parse(json.path("discovery").asText()),
                  ListenAddress.parse(json.path("policy").asText())),
              new MeshNames(
                  json.path("controlPlaneNamespace").asText(), json.path("trustDomain").asText()),
              json.has("collector") ? ListenAddress.parse(json.path("collector").asText()) : null));
    } catch (JacksonException | IllegalArgumentException e) {
      throw new IOException(file + " cannot be understood: " + e.getMessage(), e);
    }
  }
}
