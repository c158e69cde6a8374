package io.signetmesh.crds.token;

import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A place of a request where the token may be.
 *
 * @param header name of a header
 * @param prefix what comes before the token in the header; letters match in either case. Null means
 *     {@code "Bearer "} for {@code Authorization}, {@code "DPoP "} where the token is bound so, and
 *     nothing for others
 * @param cookie name of a cookie
 * @param queryParameter name of a parameter of the query
 */
@ExactlyOneOf({"header", "cookie", "queryParameter"})
public record TokenSource(
    @Text(TextFormat.HTTP_TOKEN) @Nullable String header,
    @Length(max = 64) @Nullable String prefix,
    @Text(TextFormat.HTTP_TOKEN) @Nullable String cookie,
    @Length(min = 1, max = 256) @Nullable String queryParameter) {
  /**
   * The prefix that counts.
   *
   * @param binding what the token must be bound to; null for nothing
   */
  public String prefixOrDefault(@Nullable TokenBinding binding) {
    if (prefix != null) {
      return prefix;
    }
    if (header == null || !header.toLowerCase(Locale.ROOT).equals("authorization")) {
      return "";
    }
    // RFC 9449 section 7.1: tokens of this kind have a scheme of their own.
    return binding == TokenBinding.DPOP ? "DPoP " : "Bearer ";
  }
}
