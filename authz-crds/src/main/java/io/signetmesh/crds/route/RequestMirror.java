package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * Where copies of requests go.
 *
 * @param backendRef backend that gets the copies
 * @param percent share of the requests, 0 to 100 percent; null means all
 * @param fraction share of the requests as a fraction; kept as read, not validated
 */
public record RequestMirror(
    @Required BackendObjectRef backendRef,
    @Range(min = 0, max = 100) @Nullable Integer percent,
    @Nullable Object fraction) {
  /**
   * Reference to a backend, without a weight.
   *
   * @param group API group
   * @param kind kind
   * @param name name
   * @param namespace namespace; null means that of the route
   * @param port port
   */
  public record BackendObjectRef(
      @Default("\"\"") @Text(TextFormat.GROUP) String group,
      @Default("Service") @Text(TextFormat.KIND) String kind,
      @Required @Text(TextFormat.NAME) String name,
      @Text(TextFormat.LABEL) @Nullable String namespace,
      @Range(min = 1, max = 65535) @Nullable Integer port) {}
}
