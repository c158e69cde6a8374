package io.signetmesh.proxy.admin;

import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.util.Collection;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the admin server of a process with several workloads serves. It calls the suppliers on its
 * own thread; they must not block.
 *
 * @param faults why the process can no longer serve any workload; empty while it can
 * @param ready whether the process takes workloads and serves those that it has
 * @param metrics metrics of the process
 * @param workloads the workloads that it has, also those that cannot be served
 */
public record NodeSurface(
    Supplier<? extends Collection<String>> faults,
    BooleanSupplier ready,
    MetricsRegistry metrics,
    Supplier<? extends Collection<NodeWorkload>> workloads) {

  /**
   * A workload of the process.
   *
   * @param name {@code namespace/name}
   * @param state one word for people and programs, such as {@code ready}
   * @param faults what is wrong with it, in words for people; empty when nothing is
   * @param surface of its proxy; null while it has none
   */
  public record NodeWorkload(
      String name, String state, List<String> faults, @Nullable AdminSurface surface) {
    /** Copies the list. */
    public NodeWorkload {
      faults = List.copyOf(faults);
    }
  }
}
