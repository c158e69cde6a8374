package io.signetmesh.crds.route;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.UniqueBy;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Condition on a request. All parts must hold.
 *
 * @param path condition on the path
 * @param headers conditions on headers
 * @param queryParams conditions on query parameters
 * @param method method; null means any
 */
public record HttpRouteMatch(
    @Default("{type: PathPrefix, value: /}") Path path,
    @Items(max = 16) @UniqueBy("name") List<HeaderMatch> headers,
    @Items(max = 16) @UniqueBy("name") List<QueryParam> queryParams,
    @Nullable HttpMethod method) {
  /** A part that is null becomes one that every request meets. */
  public HttpRouteMatch {
    path = path == null ? new Path(PathType.PATH_PREFIX, "/") : path;
    headers = headers == null ? List.of() : List.copyOf(headers);
    queryParams = queryParams == null ? List.of() : List.copyOf(queryParams);
  }

  /**
   * Condition on the path.
   *
   * @param type exact, prefix or regular expression
   * @param value path, prefix or regular expression
   */
  public record Path(
      @Default("PathPrefix") PathType type, @Default("/") @Length(max = 1024) String value) {
    /** Null becomes the default: the prefix "/". */
    public Path {
      type = type == null ? PathType.PATH_PREFIX : type;
      value = value == null ? "/" : value;
    }
  }

  /** How a path is compared. */
  public enum PathType {
    /** Equal. */
    @JsonProperty("Exact")
    EXACT,
    /** The path starts with these segments. */
    @JsonProperty("PathPrefix")
    PATH_PREFIX,
    /** A regular expression matches the whole path. */
    @JsonProperty("RegularExpression")
    REGULAR_EXPRESSION
  }

  /**
   * Condition on a query parameter.
   *
   * @param type exact or regular expression
   * @param name name of the parameter
   * @param value value, or regular expression that must match the whole value
   */
  public record QueryParam(
      @Default("Exact") MatchType type,
      @Required @Length(min = 1, max = 256) String name,
      @Required @Length(min = 1, max = 1024) String value) {
    /** A type that is null becomes exact. */
    public QueryParam {
      type = type == null ? MatchType.EXACT : type;
    }
  }
}
