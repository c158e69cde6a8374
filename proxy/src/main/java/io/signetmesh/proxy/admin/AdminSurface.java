package io.signetmesh.proxy.admin;

import io.signetmesh.proxy.metrics.PolicyInForce;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.util.Collection;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What the admin server shows of a proxy. The suppliers are called on the admin server's thread and
 * must not block.
 *
 * @param faults why the proxy cannot serve any more; empty while it can
 * @param ready whether the proxy is certified and not draining
 * @param metrics metrics to expose
 * @param environment environment of the process, for {@code /env.json}
 * @param policies policies in force, for {@code /policy.json}
 * @param shutdownEnabled whether {@code /shutdown} exists
 * @param shutdown begins the drain; called at most once, on a thread of its own
 */
public record AdminSurface(
    Supplier<? extends Collection<String>> faults,
    BooleanSupplier ready,
    MetricsRegistry metrics,
    Map<String, String> environment,
    Supplier<? extends Collection<PolicyInForce>> policies,
    boolean shutdownEnabled,
    Runnable shutdown) {

  /** Copies the environment. */
  public AdminSurface {
    environment = Map.copyOf(environment);
  }
}
