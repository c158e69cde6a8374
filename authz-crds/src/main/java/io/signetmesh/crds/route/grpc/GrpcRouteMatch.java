package io.signetmesh.crds.route.grpc;

import io.signetmesh.crds.route.HeaderMatch;
import io.signetmesh.crds.route.MatchType;
import io.signetmesh.crds.schema.AtLeastOneOf;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.UniqueBy;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Condition on a gRPC request; all parts must hold.
 *
 * @param method condition on the method; null means any
 * @param headers conditions on headers
 */
public record GrpcRouteMatch(
    @Nullable Method method, @Items(max = 16) @UniqueBy("name") List<HeaderMatch> headers) {
  /** Lists that are not given are empty. */
  public GrpcRouteMatch {
    headers = headers == null ? List.of() : List.copyOf(headers);
  }

  /**
   * Condition on the method.
   *
   * @param type how it compares
   * @param service service; null means any
   * @param method method; null means any
   */
  @AtLeastOneOf({"service", "method"})
  public record Method(
      @Default("Exact") MatchType type,
      @Length(max = 1024) @Nullable String service,
      @Length(max = 1024) @Nullable String method) {
    /** A type that is not given is exact. */
    public Method {
      type = type == null ? MatchType.EXACT : type;
    }
  }
}
