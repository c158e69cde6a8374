package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.jwt.Cookies;
import io.signetmesh.jwt.ForwardedField;
import io.signetmesh.jwt.Forwarding;
import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.QueryParameters;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the fields of a head that have to do with tokens, and changes them. */
final class TokenFields {
  private TokenFields() {}

  /**
   * A head as those who look for tokens read it.
   *
   * @param path path and query as the client sent them
   */
  record View(Http2Headers head, CharSequence path) implements HeadFields {
    @Override
    public Iterable<? extends CharSequence> values(String lowerCaseName) {
      // The application may read a field whose name is folded to this one.
      return HeaderNames.folded(head, lowerCaseName);
    }

    @Override
    public CharSequence method() {
      CharSequence method = head.method();
      return method == null ? "" : method;
    }
  }

  /** Removes the tokens that are not passed on. */
  static void strip(Http2Headers head, TokenProofs tokens) {
    for (int i = 0; i < tokens.enforced(); i++) {
      TokenAuthentication authentication = tokens.authentication(i);
      if (authentication.forwarding().strip() && !tokens.proof(i).isMissing()) {
        authentication.locations().forEach(location -> strip(head, location));
      }
    }
  }

  private static void strip(Http2Headers head, TokenLocation location) {
    switch (location) {
      case TokenLocation.Header(String name, String prefix) -> stripHeader(head, name, prefix);
      case TokenLocation.Cookie(String name) -> {
        List<CharSequence> fields = head.getAllAndRemove(HeaderNames.COOKIE);
        for (CharSequence field : fields) {
          String rest = Cookies.without(field, name);
          if (rest != null) {
            head.add(HeaderNames.COOKIE, rest);
          }
        }
      }
      case TokenLocation.QueryParameter(String name) -> {
        CharSequence path = head.path();
        String rest = path == null ? null : QueryParameters.without(path, name);
        if (rest != null) {
          head.path(rest);
        }
      }
    }
  }

  /** Another scheme in the same field, such as Basic, is no token and stays. */
  private static void stripHeader(Http2Headers head, String name, String prefix) {
    List<CharSequence> kept = new ArrayList<>(1);
    List<CharSequence> values = HeaderNames.folded(head, name);
    HeaderNames.removeFolded(head, Set.of(name));
    for (CharSequence value : values) {
      if (!AsciiString.regionMatches(value, true, 0, prefix, 0, prefix.length())) {
        kept.add(value);
      }
    }
    if (!kept.isEmpty()) {
      head.add(name, kept);
    }
  }

  /** Removes from trailers what the head may not have either: claims, and tokens. */
  static void strip(Http2Headers trailers, @Nullable ServerPolicy policy, TokenProofs tokens) {
    if (policy != null && !policy.tokenFields().isEmpty()) {
      HeaderNames.removeFolded(trailers, policy.tokenFields());
    }
    for (int i = 0; i < tokens.size(); i++) {
      for (TokenLocation location : tokens.authentication(i).locations()) {
        if (location instanceof TokenLocation.Header(String name, String prefix)) {
          HeaderNames.removeFolded(trailers, Set.of(name));
        }
      }
    }
  }

  /** Adds the claims of tokens that pass. Where two name the same field, the first counts. */
  static void forward(Http2Headers head, TokenProofs tokens) {
    @Nullable Set<String> set = null;
    for (int i = 0; i < tokens.enforced(); i++) {
      TokenProof proof = tokens.proof(i);
      TokenResult result = proof.result();
      Forwarding forwarding = tokens.authentication(i).forwarding();
      if (!proof.passes() || result == null || forwarding.headers().isEmpty()) {
        continue;
      }
      if (set == null) {
        set = new HashSet<>();
      }
      Set<String> before = Set.copyOf(set);
      for (ForwardedField field : result.forwarded()) {
        if (!before.contains(field.name())) {
          head.set(AsciiString.of(field.name()), field.value());
          set.add(field.name());
        }
      }
    }
  }
}
