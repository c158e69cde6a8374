package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;

/**
 * Condition on a header.
 *
 * @param type exact or regular expression
 * @param name name of the header, case-insensitive
 * @param value value, or regular expression that must match the whole value
 */
public record HeaderMatch(
    @Default("Exact") MatchType type,
    @Required @Text(TextFormat.HTTP_TOKEN) String name,
    @Required @Length(min = 1, max = 4096) String value) {
  /** A type that is null becomes exact. */
  public HeaderMatch {
    type = type == null ? MatchType.EXACT : type;
  }
}
