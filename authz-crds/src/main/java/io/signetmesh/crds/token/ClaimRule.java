package io.signetmesh.crds.token;

import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a claim must be. Values of different types are never equal.
 *
 * @param path member names from the root of the claims; a name may have a dot in it
 * @param equals the claim is this value, never an array
 * @param anyOf the claim is one of these, or is an array that has one of them
 * @param allOf the claim is an array that has all of these, or is the only one of them
 * @param noneOf the claim is absent, or is none of these and no array that has one of them
 * @param matches the claim is a text, or an array that has one, which the regular expression (RE2)
 *     matches from its begin to its end
 * @param exists whether the claim is there, null included
 */
@ExactlyOneOf({"equals", "anyOf", "allOf", "noneOf", "matches", "exists"})
public record ClaimRule(
    @Required @Items(min = 1, max = 8) @Length(min = 1, max = 256) List<String> path,
    @Nullable ClaimValue equals,
    @Items(min = 1, max = 64) @Nullable List<ClaimValue> anyOf,
    @Items(min = 1, max = 64) @Nullable List<ClaimValue> allOf,
    @Items(min = 1, max = 64) @Nullable List<ClaimValue> noneOf,
    @Length(min = 1, max = 4_096) @Nullable String matches,
    @Nullable Boolean exists) {
  /** Copies the lists. */
  public ClaimRule {
    path = path == null ? List.of() : List.copyOf(path);
    anyOf = anyOf == null ? null : List.copyOf(anyOf);
    allOf = allOf == null ? null : List.copyOf(allOf);
    noneOf = noneOf == null ? null : List.copyOf(noneOf);
  }
}
