package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.network.FetchUrl;
import io.signetmesh.crds.route.HeaderModifier;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.token.ClaimRule;
import io.signetmesh.crds.token.JWTAuthenticationSpec;
import io.signetmesh.crds.token.TokenBinding;
import io.signetmesh.crds.token.TokenForwarding;
import io.signetmesh.crds.token.TokenKeys;
import io.signetmesh.crds.token.TokenSource;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** JWTAuthentications. */
final class TokenRules {
  /** Names of RFC 7518 section 3.1 and RFC 8037 section 3.1, without those that take a secret. */
  private static final Set<String> ALGORITHMS =
      Set.of(
          "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA");

  private static final Set<String> WITH_SECRET = Set.of("HS256", "HS384", "HS512");

  /** Headers of requests that are not for tokens and that no claim may take the place of. */
  private static final Set<String> OF_HTTP =
      Set.of(
          "accept-encoding",
          "content-encoding",
          "content-type",
          "date",
          "expect",
          "forwarded",
          "host",
          "http2-settings",
          "max-forwards",
          "range",
          "via",
          "x-forwarded-for",
          "x-forwarded-host",
          "x-forwarded-proto");

  /** Headers that prove something about the client, which a claim does not. */
  private static final Set<String> OF_CREDENTIALS =
      Set.of("authorization", "cookie", "dpop", "proxy-authorization");

  /** What is at a URL, as errors say it. */
  private static final String KEY_SET = "a key set";

  private static final Duration MAX_SKEW = Duration.ofSeconds(300);
  private static final Duration MAX_TOKEN_AGE = Duration.ofDays(366);

  private TokenRules() {}

  static void check(JWTAuthenticationSpec spec, ObjectFindings findings) {
    issuer(spec.issuer(), findings);
    audiences(spec, findings);
    keys(spec.keys(), findings);
    algorithms(spec.algorithms(), findings);
    sources(spec, findings);
    FetchRules.duration(spec.clockSkew(), "spec.clockSkew", Duration.ZERO, MAX_SKEW, findings);
    if (spec.maxTokenAge() != null) {
      FetchRules.duration(
          spec.maxTokenAge(), "spec.maxTokenAge", Duration.ofSeconds(1), MAX_TOKEN_AGE, findings);
    }
    for (int i = 0; i < spec.claims().size(); i++) {
      claim(spec.claims().get(i), "spec.claims[" + i + "]", findings);
    }
    TokenForwarding forward = spec.forward();
    if (forward != null) {
      forwarding(forward, spec.from(), findings);
    }
  }

  /** A StringOrURI (RFC 7519 section 2): with a colon in it, it is a URI. */
  private static void issuer(String issuer, ObjectFindings findings) {
    if (!issuer.chars().allMatch(c -> c > ' ' && c != 0x7f)) {
      findings.error(
          "spec.issuer", quoted(issuer) + " is no issuer: it has spaces or control characters");
      return;
    }
    if (issuer.indexOf(':') < 0) {
      return;
    }
    String lower = issuer.toLowerCase(Locale.ROOT);
    String problem = null;
    if (lower.startsWith("http:") || lower.startsWith("https:")) {
      problem = FetchUrl.problem(issuer).orElse(null);
    } else {
      try {
        new URI(issuer);
      } catch (URISyntaxException e) {
        problem = e.getReason();
      }
    }
    if (problem != null) {
      findings.error("spec.issuer", quoted(issuer) + " is no issuer: " + problem);
    }
  }

  private static void audiences(JWTAuthenticationSpec spec, ObjectFindings findings) {
    List<String> from = List.of("spec.audiences", "spec.anyAudience");
    if (spec.anyAudience() && !spec.audiences().isEmpty()) {
      findings.error("spec.anyAudience", from, "true excludes audiences");
    } else if (!spec.anyAudience() && spec.audiences().isEmpty()) {
      findings.error(
          "spec",
          from,
          "audiences is required: a token for another service would be accepted here; write"
              + " anyAudience: true to accept any");
    }
  }

  private static void keys(TokenKeys keys, ObjectFindings findings) {
    FetchRules.url(keys.jwksUri(), "spec.keys.jwksUri", KEY_SET, findings);
    FetchRules.url(keys.discovery(), "spec.keys.discovery", KEY_SET, findings);
    FetchRules.check(
        "spec.keys",
        keys.jwks() == null && keys.configMapRef() == null && keys.secretRef() == null
            ? null
            : "keys that are fetched (jwksUri, discovery)",
        new FetchRules.Settings(keys.caBundle(), keys.refreshInterval(), keys.maxAge()),
        findings);
  }

  private static void algorithms(List<String> algorithms, ObjectFindings findings) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < algorithms.size(); i++) {
      String name = algorithms.get(i);
      String at = "spec.algorithms[" + i + "]";
      if (name.equalsIgnoreCase("none")) {
        findings.error(at, quoted(name) + " means no signature, and is never accepted");
      } else if (WITH_SECRET.contains(name.toUpperCase(Locale.ROOT))) {
        findings.error(
            at,
            quoted(name)
                + " takes a shared secret, and is never accepted: whoever knew the public keys could"
                + " make tokens");
      } else if (!ALGORITHMS.contains(name)) {
        findings.error(
            at,
            quoted(name)
                + " is no algorithm that tokens can be signed with"
                + NearestName.hint(name, ALGORITHMS)
                + ": expected one of "
                + String.join(", ", ALGORITHMS.stream().sorted().toList()));
      } else if (!seen.add(name)) {
        findings.error(at, List.of("spec.algorithms"), quoted(name) + " is given twice");
      }
    }
  }

  private static void sources(JWTAuthenticationSpec spec, ObjectFindings findings) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < spec.from().size(); i++) {
      TokenSource source = spec.from().get(i);
      String at = "spec.from[" + i + "]";
      String key;
      if (source.header() != null) {
        header(source, at, spec, findings);
        key =
            "header "
                + source.header().toLowerCase(Locale.ROOT)
                + " "
                + source.prefixOrDefault(spec.boundTo()).strip().toLowerCase(Locale.ROOT);
      } else {
        if (source.prefix() != null) {
          findings.error(at + ".prefix", List.of(at), "is for a header");
        }
        key =
            source.cookie() != null
                ? "cookie " + source.cookie()
                : "query " + source.queryParameter();
      }
      String parameter = source.queryParameter();
      if (parameter != null && !parameter.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
        findings.error(
            at + ".queryParameter",
            quoted(parameter) + " is no name of a parameter: expected printable ASCII characters");
      }
      if (!seen.add(key)) {
        findings.error(at, List.of("spec.from"), "the same place is given twice");
      }
    }
  }

  private static void header(
      TokenSource source, String at, JWTAuthenticationSpec spec, ObjectFindings findings) {
    String name = String.valueOf(source.header());
    String lower = name.toLowerCase(Locale.ROOT);
    if (isOfMesh(lower) || OF_HTTP.contains(lower) || lower.equals("cookie")) {
      findings.error(
          at + ".header",
          quoted(name)
              + " cannot carry a token: it "
              + (lower.equals("cookie")
                  ? "has cookies (write cookie: NAME)"
                  : "belongs to HTTP or to the mesh"));
    } else if (lower.equals("dpop") && spec.boundTo() == TokenBinding.DPOP) {
      findings.error(
          at + ".header",
          List.of(at + ".header", "spec.boundTo"),
          quoted(name) + " cannot carry a token: it carries the proof (RFC 9449)");
    }
    String prefix = source.prefixOrDefault(spec.boundTo());
    if (!prefix.chars().allMatch(c -> c >= ' ' && c < 0x7f)) {
      findings.error(
          at + ".prefix", quoted(prefix) + " is no prefix: expected printable ASCII characters");
    } else if (prefix.startsWith(" ")) {
      findings.error(at + ".prefix", quoted(prefix) + " starts with a space: headers never do");
    }
  }

  private static void claim(ClaimRule rule, String at, ObjectFindings findings) {
    String expression = rule.matches();
    if (expression != null) {
      HttpSyntax.regex(expression, at + ".matches", List.of(at + ".matches"), findings);
    }
  }

  private static void forwarding(
      TokenForwarding forward, List<TokenSource> from, ObjectFindings findings) {
    Map<String, String> taken = new HashMap<>();
    for (TokenSource source : from) {
      if (source.header() != null) {
        taken.put(source.header().toLowerCase(Locale.ROOT), "spec.from");
      }
    }
    for (int i = 0; i < forward.claims().size(); i++) {
      forwarded(
          forward.claims().get(i).header(),
          "spec.forward.claims[" + i + "].header",
          taken,
          findings);
    }
    if (forward.payloadHeader() != null) {
      forwarded(forward.payloadHeader(), "spec.forward.payloadHeader", taken, findings);
    }
  }

  private static void forwarded(
      String name, String field, Map<String, String> taken, ObjectFindings findings) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (isOfMesh(lower)
        || OF_HTTP.contains(lower)
        || OF_CREDENTIALS.contains(lower)
        || lower.startsWith("grpc-")) {
      findings.error(
          field,
          quoted(name)
              + " cannot be made of a claim: it belongs to HTTP, to the mesh or to the"
              + " client's credentials");
      return;
    }
    String other = taken.putIfAbsent(lower, field);
    if (other != null) {
      findings.error(
          field, List.of(field, other), quoted(name) + " is the header of " + other + " already");
    }
  }

  /** What frames messages, belongs to connections or says who the client is, with any mark. */
  private static boolean isOfMesh(String lower) {
    return HeaderModifier.isReserved(lower) || lower.startsWith("l5d.") || lower.startsWith("l5d_");
  }
}
