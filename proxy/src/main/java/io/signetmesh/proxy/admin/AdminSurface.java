package io.signetmesh.proxy.admin;

import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What the admin server serves of a proxy. It calls the suppliers on its own thread; they must not
 * block.
 *
 * @param faults why the proxy can no longer serve; empty while it can
 * @param obstacles why the proxy is not ready although it can serve, such as that the control plane
 *     refuses it; empty when there is nothing
 * @param ready whether the proxy has a certificate and is not draining
 * @param metrics metrics to expose
 * @param environment environment of the process, for {@code /env.json}
 * @param policies policies in force, for {@code /policy.json}
 * @param shutdownEnabled whether {@code POST /shutdown} is served
 * @param shutdown begins the drain; called at most once, on a thread of its own
 */
public record AdminSurface(
    Supplier<? extends Collection<String>> faults,
    Supplier<? extends Collection<String>> obstacles,
    BooleanSupplier ready,
    MetricsRegistry metrics,
    Map<String, String> environment,
    Supplier<? extends Collection<PolicyInForce>> policies,
    boolean shutdownEnabled,
    Runnable shutdown) {

  /** The surface of a proxy that nothing but its own state keeps from being ready. */
  public AdminSurface(
      Supplier<? extends Collection<String>> faults,
      BooleanSupplier ready,
      MetricsRegistry metrics,
      Map<String, String> environment,
      Supplier<? extends Collection<PolicyInForce>> policies,
      boolean shutdownEnabled,
      Runnable shutdown) {
    this(faults, List::of, ready, metrics, environment, policies, shutdownEnabled, shutdown);
  }

  /** Copies the environment. */
  public AdminSurface {
    environment = Map.copyOf(environment);
  }
}
