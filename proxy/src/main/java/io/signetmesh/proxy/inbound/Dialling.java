package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Endings;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Opens the connection to the application for one that was allowed. What comes too late is closed.
 */
final class Dialling implements ConnectionState {
  private final Supplier<Future<Channel>> dial;
  private final Consumer<Channel> connected;
  private final Consumer<Throwable> failed;
  private final Consumer<ServerPolicy> changed;
  private boolean left;

  /**
   * @param dial opens the connection within a time of its own
   * @param changed looks at the connection again under another policy
   */
  Dialling(
      Supplier<Future<Channel>> dial,
      Consumer<Channel> connected,
      Consumer<Throwable> failed,
      Consumer<ServerPolicy> changed) {
    this.dial = dial;
    this.connected = connected;
    this.failed = failed;
    this.changed = changed;
  }

  @Override
  public void enter() {
    dial.get()
        .addListener(
            (Future<Channel> dialed) -> {
              if (left) {
                if (dialed.isSuccess()) {
                  Endings.reset(dialed.getNow());
                }
              } else if (dialed.isSuccess()) {
                connected.accept(dialed.getNow());
              } else {
                failed.accept(dialed.cause());
              }
            });
  }

  @Override
  public void leave() {
    left = true;
  }

  @Override
  public void policyChanged(ServerPolicy now) {
    changed.accept(now);
  }
}
