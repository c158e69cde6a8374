package io.signetmesh.proxy.outbound;

import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Finds out what the destination is now. Each wait ends with this, before a byte moves: a watch
 * that nobody used for a while may have ended meanwhile, and what it knew last is not in force.
 */
final class Resolving implements OutboundState {
  private final Future<Upstream> answer;
  private final ChosenEndpoint chosen;
  private final BiConsumer<ChosenEndpoint, Upstream> resolved;
  private final Consumer<Throwable> failed;
  private boolean left;
  private boolean handedOn;

  /**
   * @param answer the destination, bounded in time
   * @param chosen what the connection has got before; handed on with the destination, or given back
   * @param failed runs when there is no destination
   */
  Resolving(
      Future<Upstream> answer,
      ChosenEndpoint chosen,
      BiConsumer<ChosenEndpoint, Upstream> resolved,
      Consumer<Throwable> failed) {
    this.answer = answer;
    this.chosen = chosen;
    this.resolved = resolved;
    this.failed = failed;
  }

  @Override
  public void enter() {
    if (answer.isSuccess()) {
      answered();
    } else {
      answer.addListener(
          done -> {
            if (!left) {
              answered();
            }
          });
    }
  }

  private void answered() {
    if (answer.isSuccess()) {
      handedOn = true;
      resolved.accept(chosen, answer.getNow());
    } else {
      failed.accept(answer.cause());
    }
  }

  @Override
  public void leave() {
    left = true;
    if (!handedOn) {
      handedOn = true;
      chosen.giveBack();
    }
  }
}
