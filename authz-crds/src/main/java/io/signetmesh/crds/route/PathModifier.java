package io.signetmesh.crds.route;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Union;
import org.jspecify.annotations.Nullable;

/**
 * Change to a path.
 *
 * @param type what is replaced
 * @param replaceFullPath replacement for the whole path
 * @param replacePrefixMatch replacement for the prefix that the route matched
 */
@Union("type")
public record PathModifier(
    @Required Type type,
    @Length(max = 1024) @Nullable String replaceFullPath,
    @Length(max = 1024) @Nullable String replacePrefixMatch) {
  /** What is replaced. */
  public enum Type {
    /** The whole path. */
    @JsonProperty("ReplaceFullPath")
    REPLACE_FULL_PATH,
    /** The prefix that the route matched. */
    @JsonProperty("ReplacePrefixMatch")
    REPLACE_PREFIX_MATCH
  }
}
