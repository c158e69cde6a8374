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
 * @param replaceFullPath path that replaces the whole one
 * @param replacePrefixMatch path that replaces the prefix that matched
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
    /** The prefix that matched. */
    @JsonProperty("ReplacePrefixMatch")
    REPLACE_PREFIX_MATCH
  }
}
