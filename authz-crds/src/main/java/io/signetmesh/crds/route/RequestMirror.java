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
 * @param backendRef the backend; its weight and filters do not count
 * @param percent share of the requests, in percent; null for all
 * @param fraction share of the requests; not looked into
 */
public record RequestMirror(
    @Required BackendObjectRef backendRef,
    @Range(min = 0, max = 100) @Nullable Integer percent,
    @Nullable Object fraction) {
  /**
   * A backend.
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
