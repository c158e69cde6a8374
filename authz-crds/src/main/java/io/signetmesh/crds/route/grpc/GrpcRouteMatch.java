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
 * Condition on a gRPC request. All parts must hold.
 *
 * @param method condition on the method; null means any
 * @param headers conditions on headers
 */
public record GrpcRouteMatch(
    @Nullable Method method, @Items(max = 16) @UniqueBy("name") List<HeaderMatch> headers) {
  /** Copies the lists; null becomes an empty list. */
  public GrpcRouteMatch {
    headers = headers == null ? List.of() : List.copyOf(headers);
  }

  /**
   * Condition on the method. At least one of {@code service} and {@code method} is set.
   *
   * @param type exact or regular expression
   * @param service fully qualified name of the service, without slashes; null means any
   * @param method name of the method; null means any
   */
  @AtLeastOneOf({"service", "method"})
  public record Method(
      @Default("Exact") MatchType type,
      @Length(max = 1024) @Nullable String service,
      @Length(max = 1024) @Nullable String method) {
    /** A type that is null becomes exact. */
    public Method {
      type = type == null ? MatchType.EXACT : type;
    }
  }
}
