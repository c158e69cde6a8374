package io.signetmesh.cli.logging;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

/**
 * Sends what libraries log through {@code java.util.logging}, mainly gRPC, to Signet's log. Only
 * warnings and errors: gRPC logs every connection that a client aborts. The system property {@code
 * java.util.logging.config.class} names this class, so that it is loaded only with the first such
 * library.
 */
public final class PlatformLogging {
  private static final String CONFIGURATION =
      "handlers=org.slf4j.bridge.SLF4JBridgeHandler\n.level=WARNING\n";

  /** Called by {@link LogManager} on its first use; configures it. */
  public PlatformLogging() throws IOException {
    LogManager.getLogManager()
        .readConfiguration(
            new ByteArrayInputStream(CONFIGURATION.getBytes(StandardCharsets.ISO_8859_1)));
  }
}
