package io.signetmesh.crds.route;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a value is compared. */
public enum MatchType {
  /** Equal. */
  @JsonProperty("Exact")
  EXACT,
  /** A regular expression matches the whole value. */
  @JsonProperty("RegularExpression")
  REGULAR_EXPRESSION
}
