package io.signetmesh.collector;

import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;

/** A collector in a process of its own, to be killed. Arguments: directory, port. */
final class CollectorProcess {
  private CollectorProcess() {}

  static CollectorServer.Config config(Path directory, int port) {
    return new CollectorServer.Config(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
        new Security.Cleartext(),
        directory,
        "test/log",
        FsyncPolicy.BATCH,
        Retention.ALL,
        CollectorService.WRITER_RATE,
        null,
        null,
        true,
        new NamespaceRights("linkerd", "cluster.local"),
        ServerMeters.none());
  }

  public static void main(String[] args) throws Exception {
    CollectorServer.start(
        config(Path.of(args[0]), Integer.parseInt(args[1])),
        ControlLoops.start(1),
        InstantSource.system());
    Thread.currentThread().join();
  }
}
