package io.signetmesh.proxy;

import io.signetmesh.proxy.admin.AdminLoop;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.handover.HandedOver;
import io.signetmesh.proxy.handover.HandoverServer;
import io.signetmesh.proxy.loop.ProxyLoops;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands the listeners of a proxy that serves to its successor. */
final class Succession implements HandoverServer.Owner, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Succession.class);

  private final ProxyConfig config;
  private final Running running;
  private final Proxy proxy;
  private volatile @Nullable HandoverServer server;

  Succession(ProxyConfig config, Running running, Proxy proxy) {
    this.config = config;
    this.running = running;
    this.proxy = proxy;
  }

  /** Makes the socket at which a successor finds the proxy. Blocks while its directory does. */
  void listen(AdminLoop loop) {
    Path socket = config.handover();
    if (socket == null || TakeOver.obstacle(config, running.loops().transport()) != null) {
      return;
    }
    try {
      server = HandoverServer.listen(loop.group(), socket, this);
    } catch (IOException | RuntimeException e) {
      log.warn("this proxy cannot be replaced without an interruption: {}", e.getMessage());
    }
    if (proxy.isDraining()) {
      close();
    }
  }

  /** Whether a successor finds the proxy. */
  boolean isPossible() {
    return server != null;
  }

  @Override
  public void close() {
    HandoverServer listening = server;
    if (listening != null) {
      listening.close();
    }
  }

  @Override
  public List<HandedOver> listeners() {
    List<HandedOver> all = new ArrayList<>(running.listeners().all());
    AdminServer admin = running.admin();
    all.add(
        new HandedOver(
            config.adminListen().getPort() == 0 ? admin.address() : config.adminListen(),
            List.of(admin.listener())));
    return all;
  }

  @Override
  public CompletableFuture<Void> pause() {
    running.admin().pause();
    return running.loops().pause(running.listeners().channels());
  }

  @Override
  public void resume() {
    if (!proxy.isDraining()) {
      ProxyLoops.accept(running.listeners().channels());
      running.admin().accept();
    }
  }

  @Override
  public void succeeded() {
    proxy.succeeded();
  }
}
