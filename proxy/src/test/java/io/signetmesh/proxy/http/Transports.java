package io.signetmesh.proxy.http;

import io.signetmesh.proxy.loop.IoTransport;
import java.util.stream.Stream;

/** The transports that work here. */
final class Transports {
  private Transports() {}

  static Stream<IoTransport> here() {
    return Stream.of(IoTransport.values())
        .filter(
            transport -> {
              try {
                return IoTransport.select(transport.label()) == transport;
              } catch (IllegalArgumentException e) {
                return false;
              }
            });
  }
}
