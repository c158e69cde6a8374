package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Labels;

/**
 * A resource of outbound policy, as the {@code parent_*} and {@code backend_*} labels show it.
 *
 * @param group API group, {@code core} for services
 * @param kind kind, e.g. {@code Service}
 * @param namespace namespace; may be empty
 * @param name name
 * @param port port number; 0: none
 * @param section section name; may be empty
 */
public record PolicyResource(
    String group, String kind, String namespace, String name, int port, String section) {

  Labels labels(String prefix) {
    return Labels.of(
        prefix + "_group",
        group,
        prefix + "_kind",
        kind,
        prefix + "_namespace",
        namespace,
        prefix + "_name",
        name,
        prefix + "_port",
        port == 0 ? "" : Integer.toString(port),
        prefix + "_section_name",
        section);
  }
}
