package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.jwt.Binding;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a client is told that needs another token: the WWW-Authenticate field (RFC 6750 section 3;
 * for proofs of possession RFC 9449 sections 7.1 and 9). Why a token was refused is told only where
 * its authentication allows that.
 */
final class TokenChallenge {
  private static final AsciiString DPOP_NONCE = AsciiString.cached("dpop-nonce");
  private static final String REALM = " realm=\"mesh\"";
  private static final String PROOF_ALGORITHMS =
      ", algs=\"ES256 ES384 ES512 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA\"";

  /** Characters of a description; the rest is left out. */
  private static final int MAX_DESCRIPTION = 200;

  private TokenChallenge() {}

  /**
   * The fields of a refusal.
   *
   * @param reason why the request is refused
   * @param nonce makes a nonce for the next proof of possession
   * @return null when the refusal has nothing to do with tokens
   */
  static @Nullable Http2Headers of(Reason reason, TokenProofs tokens, Supplier<String> nonce) {
    if (reason != Reason.TOKEN_REQUIRED
        && reason != Reason.TOKEN_INVALID
        && reason != Reason.CLAIM_MISMATCH) {
      return null;
    }
    Http2Headers fields = new DefaultHttp2Headers(false, 2);
    int about = about(reason, tokens);
    if (about < 0) {
      fields.set(HeaderNames.WWW_AUTHENTICATE, "Bearer" + REALM + error(reason));
      return fields;
    }
    TokenAuthentication authentication = tokens.authentication(about);
    TokenProof proof = tokens.proof(about);
    TokenFailure failure = proof.failure();
    boolean possession = authentication.boundTo() == Binding.DPOP;
    String challenge = (possession ? "DPoP" : "Bearer") + REALM;
    if (possession) {
      challenge += PROOF_ALGORITHMS;
    }
    if (possession && failure == TokenFailure.PROOF_NONCE) {
      challenge += ", error=\"use_dpop_nonce\"";
      fields.set(DPOP_NONCE, nonce.get());
    } else if (failure == TokenFailure.PROOF_MISSING
        || failure == TokenFailure.PROOF_INVALID
        || failure == TokenFailure.PROOF_REPLAYED) {
      challenge += ", error=\"invalid_dpop_proof\"";
    } else {
      challenge += error(reason);
    }
    if (authentication.errorDetail() && failure != null) {
      challenge += ", error_description=\"" + description(failure, proof.result()) + "\"";
    }
    fields.set(HeaderNames.WWW_AUTHENTICATE, challenge);
    return fields;
  }

  /** The first token that has the failure; -1: none is known. */
  private static int about(Reason reason, TokenProofs tokens) {
    for (int i = 0; i < tokens.enforced(); i++) {
      TokenProof proof = tokens.proof(i);
      TokenFailure failure = proof.failure();
      boolean same =
          switch (reason) {
            case TOKEN_REQUIRED -> proof.isMissing();
            case CLAIM_MISMATCH -> failure != null && failure.kind() == TokenFailure.Kind.CLAIMS;
            default -> failure != null && failure.kind() != TokenFailure.Kind.CLAIMS;
          };
      if (same) {
        return i;
      }
    }
    return -1;
  }

  private static String error(Reason reason) {
    return switch (reason) {
      case TOKEN_INVALID -> ", error=\"invalid_token\"";
      case CLAIM_MISMATCH -> ", error=\"insufficient_scope\"";
      default -> "";
    };
  }

  /** Without the characters that RFC 6750 section 3 excludes. */
  private static String description(TokenFailure failure, @Nullable TokenResult result) {
    // What is wrong with the keys is the operator's affair.
    boolean ofKeys =
        failure == TokenFailure.KEYS_UNAVAILABLE || failure == TokenFailure.KEYS_EXPIRED;
    String detail = result == null || ofKeys ? null : result.detail();
    String text = detail == null ? failure.code() : failure.code() + ": " + detail;
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < text.length() && i < MAX_DESCRIPTION; i++) {
      char c = text.charAt(i);
      safe.append(c == '"' || c == '\\' ? '\'' : c < ' ' || c > '~' ? '?' : c);
    }
    return safe.toString();
  }
}
