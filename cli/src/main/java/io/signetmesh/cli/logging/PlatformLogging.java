package io.signetmesh.cli.logging;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/**
 * Sends what libraries say to {@code java.util.logging}, gRPC above all, where Signet's own lines
 * go; warnings and worse only, because gRPC tells of each connection that a client broke off. Named
 * by the system property {@code java.util.logging.config.class}, so that it costs nothing before
 * the first such library is used.
 */
public final class PlatformLogging {
  private static final String CONFIGURATION =
      "handlers=org.slf4j.bridge.SLF4JBridgeHandler\n.level=WARNING\n";

  /** Made by {@link LogManager} when it is first used; configures it. */
  public PlatformLogging() throws IOException {
    LogManager.getLogManager()
        .readConfiguration(
            new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.ISO_8859_1)));
  }
}
