package io.signetmesh.identity.server;

import io.grpc.BindableService;
import io.signetmesh.identity.pki.PkiException;
import java.io.IOException;
import java.util.List;

/** Services on the operators' socket that other modules bring. */
public interface OperatorExtension extends AutoCloseable {
  /** Brings nothing. */
  Factory NONE =
      server ->
          new OperatorExtension() {
            @Override
            public List<BindableService> services() {
              return List.of();
            }

            @Override
            public void start() {}

            @Override
            public void close() {}
          };

  /** The services. */
  List<BindableService> services();

  /** Begins with the work; the server serves. */
  void start();

  /** Ends the work, before the server ends the streams of workloads. */
  @Override
  void close();

  /** Makes an extension for a server that is starting. */
  @FunctionalInterface
  interface Factory {
    /**
     * Makes it.
     *
     * @throws IOException when its state cannot be read; the server does not start
     * @throws PkiException when its state is malformed; the server does not start
     */
    OperatorExtension open(OperatorContext server) throws IOException, PkiException;
  }
}
