package io.signetmesh.cli.logging;

import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import io.signetmesh.crds.text.PlainText;
import java.nio.charset.StandardCharsets;

/**
 * JSON with escapes also for what JSON may carry as it is and a terminal obeys, as C1 controls and
 * bidirectional overrides: {@code \u009b} means the same in JSON.
 */
final class PlainJson extends JsonEncoder {
  @Override
  public byte[] encode(ILoggingEvent event) {
    String line = new String(super.encode(event), StandardCharsets.UTF_8);
    return PlainText.linesOf(line).getBytes(StandardCharsets.UTF_8);
  }
}
