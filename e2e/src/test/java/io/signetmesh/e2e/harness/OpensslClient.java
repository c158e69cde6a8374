package io.signetmesh.e2e.harness;

import java.util.ArrayList;
import java.util.List;

/** A client without proxy: openssl with a leaf of the mesh. */
public final class OpensslClient {
  private static final String GET = "GET /hello HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";

  private OpensslClient() {}

  /**
   * Makes a request to a proxy's listener with a leaf.
   *
   * @param options more options of {@code openssl s_client}
   * @return what openssl said, the answer or the alert among it
   */
  public static String get(Mesh mesh, MeshWorkload server, int port, Leaf leaf, String... options)
      throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "openssl",
                "s_client",
                "-connect",
                server.address().getHostAddress() + ":" + port,
                "-servername",
                mesh.identity(server).dnsName(),
                "-CAfile",
                leaf.anchor().toString(),
                "-ign_eof",
                "-cert",
                leaf.leaf().toString(),
                "-cert_chain",
                leaf.chain().toString(),
                "-key",
                leaf.key().toString()));
    command.addAll(List.of(options));
    return Tool.run(GET, command).output();
  }
}
