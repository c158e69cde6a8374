package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * A backend of a TLSRoute or TCPRoute.
 *
 * @param group API group
 * @param kind kind
 * @param name name
 * @param namespace namespace; null means that of the route
 * @param port port, 1 to 65535
 * @param weight share of the traffic relative to the other backends, 0 to 1,000,000
 */
public record BackendRef(
    @Default("\"\"") @Text(TextFormat.GROUP) String group,
    @Default("Service") @Text(TextFormat.KIND) String kind,
    @Required @Text(TextFormat.NAME) String name,
    @Text(TextFormat.LABEL) @Nullable String namespace,
    @Range(min = 1, max = 65535) @Nullable Integer port,
    @Default("1") @Range(min = 0, max = 1_000_000) Integer weight) {
  /** Null becomes the default: a Service of weight 1. */
  public BackendRef {
    group = group == null ? "" : group;
    kind = kind == null ? "Service" : kind;
    weight = weight == null ? 1 : weight;
  }
}
