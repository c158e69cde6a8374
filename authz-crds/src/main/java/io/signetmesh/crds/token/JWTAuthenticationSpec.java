package io.signetmesh.crds.token;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of a {@link JWTAuthentication}. Admission rules check what the annotations cannot say.
 *
 * @param issuer exact value of {@code iss}
 * @param audiences one of these must be in {@code aud}; empty only with {@code anyAudience}
 * @param anyAudience any audience, or none, is accepted
 * @param keys where the keys of the issuer come from
 * @param algorithms names of RFC 7518 section 3.1 and RFC 8037 that tokens may be signed with
 * @param from where the token is in a request; a request with more than one token is refused
 * @param clockSkew difference of clocks that is tolerated, 0 to 300 s
 * @param expiryOptional tokens without {@code exp} are accepted
 * @param maxTokenAge longest time since {@code iat}, which is then required; null means any
 * @param claims rules about claims, all of which must hold
 * @param boundTo what a token must be bound to
 * @param forward what the application gets
 * @param errorDetail whether a refused client is told which check failed
 */
public record JWTAuthenticationSpec(
    @Required @Length(min = 1, max = 2_048) String issuer,
    @Items(max = 32) @Length(min = 1, max = 2_048) List<String> audiences,
    @Default("false") boolean anyAudience,
    @Required TokenKeys keys,
    @Default("[ES256, ES384, RS256, PS256, EdDSA]") @Items(min = 1, max = 16)
        List<String> algorithms,
    @Default("[{header: Authorization}]") @Items(min = 1, max = 8) List<TokenSource> from,
    @Default("60s") @Text(TextFormat.GO_DURATION) String clockSkew,
    @Default("false") boolean expiryOptional,
    @Text(TextFormat.GO_DURATION) @Nullable String maxTokenAge,
    @Items(max = 32) List<ClaimRule> claims,
    @Default("None") @Nullable TokenBinding boundTo,
    @Nullable TokenForwarding forward,
    @Default("false") boolean errorDetail) {
  /** Copies the lists; null becomes an empty list, no binding and no forwarding. */
  public JWTAuthenticationSpec {
    audiences = audiences == null ? List.of() : List.copyOf(audiences);
    algorithms = algorithms == null ? List.of() : List.copyOf(algorithms);
    from = from == null ? List.of() : List.copyOf(from);
    claims = claims == null ? List.of() : List.copyOf(claims);
    boundTo = boundTo == null ? TokenBinding.NONE : boundTo;
    forward = forward == null ? TokenForwarding.NOTHING : forward;
  }
}
