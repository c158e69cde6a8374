package io.signetmesh.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Signet: the control plane as processes of its own, and two proxies with one event loop each. Policy
 * by identity is in force on the server proxy, metrics are on, and each request is on record.
 */
final class SignetSystem implements ProxySystem {
  private static final String NAMESPACE = "bench";
  private static final String IDENTITY_SUFFIX =
      "." + NAMESPACE + ".serviceaccount.identity.linkerd.cluster.local";

  @Override
  public String name() {
    return "signet";
  }

  @Override
  public List<Tool> tools() {
    return List.of(TestCertificates.TOOL);
  }

  @Override
  public String description() throws IOException, InterruptedException {
    return "";
  }

  @Override
  public ProxyPair start(Backend backend, Path directory)
      throws IOException, InterruptedException {
    throw new IOException("");
  }
}
