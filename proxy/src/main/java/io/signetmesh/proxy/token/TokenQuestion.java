package io.signetmesh.proxy.token;

import io.signetmesh.jwt.Binding;
import io.signetmesh.jwt.DpopProofs;
import io.signetmesh.jwt.FoundToken;
import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenFinder;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.worker.ClientTurn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one request, and what is to be known of them. It has copies of all that it needs of
 * the head, so that another thread may answer it.
 */
public final class TokenQuestion {
  private static final String DPOP = "dpop";

  /** Room for one token. */
  static final ThreadLocal<byte[]> BUFFER =
      ThreadLocal.withInitial(() -> new byte[TokenFinder.MAX_TOKEN]);

  private final List<TokenAuthentication> authentications;
  private final int enforced;
  private final List<FoundToken> found;
  private final @Nullable TokenResult[] results;
  private final Client client;
  private final long epochMillis;
  private final DpopProofs.@Nullable RequestProof possession;
  private final int bytes;

  private TokenQuestion(
      List<TokenAuthentication> authentications,
      int enforced,
      List<FoundToken> found,
      Client client,
      long epochMillis,
      DpopProofs.@Nullable RequestProof possession,
      int bytes) {
    this.authentications = authentications;
    this.enforced = enforced;
    this.found = found;
    this.results = new TokenResult[found.size()];
    this.client = client;
    this.epochMillis = epochMillis;
    this.possession = possession;
    this.bytes = bytes;
  }

  /**
   * Reads the tokens of a request.
   *
   * @param needed what the policy in force asks for
   * @param trial what the dry run asks for
   * @param head the head as the client sent it
   * @param authority authority of the request; empty when it has none
   * @param client who sent it
   * @param epochMillis time of the request
   * @param proofs checks proofs of possession
   * @param before an earlier question of the same request, whose proof of possession it is; null:
   *     there was none
   */
  static TokenQuestion of(
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      HeadFields head,
      CharSequence authority,
      Client client,
      long epochMillis,
      DpopProofs proofs,
      @Nullable TokenQuestion before) {
    List<TokenAuthentication> authentications = needed;
    if (!trial.isEmpty() && !needed.containsAll(trial)) {
      authentications = new ArrayList<>(needed);
      for (TokenAuthentication tried : trial) {
        if (!needed.contains(tried)) {
          authentications.add(tried);
        }
      }
    }
    int bytes = 256;
    List<FoundToken> found = new ArrayList<>(authentications.size());
    boolean needsProof = false;
    for (TokenAuthentication authentication : authentications) {
      FoundToken token = find(authentication, head);
      found.add(token);
      bytes += token instanceof FoundToken.One(byte[] text) ? text.length + 16 : 16;
      needsProof |= authentication.boundTo() == Binding.DPOP;
    }
    DpopProofs.RequestProof possession = before == null ? null : before.possession;
    if (needsProof && possession == null) {
      // TLS between proxies is not seen by applications: the scheme that they call is http.
      possession = proofs.of(head, "http", authority.toString(), ClientTurn.of(client).toString());
      for (CharSequence proof : head.values(DPOP)) {
        bytes += proof.length();
      }
    }
    return new TokenQuestion(
        authentications, needed.size(), found, client, epochMillis, possession, bytes);
  }

  private static FoundToken find(TokenAuthentication authentication, HeadFields head) {
    byte[] buffer = BUFFER.get();
    int length = TokenFinder.find(authentication, head, buffer);
    return switch (length) {
      case TokenFinder.NONE -> FoundToken.NONE;
      case TokenFinder.MANY -> FoundToken.MANY;
      case TokenFinder.TOO_LARGE -> FoundToken.TOO_LARGE;
      default -> new FoundToken.One(Arrays.copyOf(buffer, length));
    };
  }

  List<TokenAuthentication> authentications() {
    return authentications;
  }

  /** How many authentications, from the first, are of the policy in force. */
  int enforced() {
    return enforced;
  }

  /** The token that was found; null when there is none, or none that is looked at. */
  byte @Nullable [] token(int index) {
    return found.get(index) instanceof FoundToken.One(byte[] bytes) ? bytes : null;
  }

  /** Why what was found is not looked at; null when it is, or nothing was found. */
  @Nullable TokenFailure refused(int index) {
    return switch (found.get(index)) {
      case FoundToken.None none -> null;
      case FoundToken.One one -> null;
      case FoundToken.Many many -> TokenFailure.MULTIPLE_TOKENS;
      case FoundToken.TooLarge large -> TokenFailure.TOO_LARGE;
    };
  }

  @Nullable TokenResult result(int index) {
    return results[index];
  }

  void result(int index, TokenResult result) {
    results[index] = result;
  }

  /** Time of the request, in milliseconds since the Unix epoch. */
  public long epochMillis() {
    return epochMillis;
  }

  Client client() {
    return client;
  }

  /** The request's proof of possession; null when no authentication asks for one. */
  DpopProofs.@Nullable RequestProof possession() {
    return possession;
  }

  /**
   * The claims of a token as they were signed, in JSON; null when there is no such token, or none
   * of three parts.
   *
   * @param authentication one that was asked
   */
  public @Nullable String claims(TokenAuthentication authentication) {
    int index = authentications.indexOf(authentication);
    byte[] token = index < 0 ? null : token(index);
    if (token == null) {
      return null;
    }
    int from = indexOf(token, 0) + 1;
    int to = indexOf(token, from);
    byte[] claims = from > 0 && to > from ? Base64Url.decode(token, from, to) : null;
    return claims == null ? null : new String(claims, StandardCharsets.UTF_8);
  }

  /** Index of the next dot; -1: there is none. */
  private static int indexOf(byte[] token, int from) {
    for (int i = from; i < token.length; i++) {
      if (token[i] == '.') {
        return i;
      }
    }
    return -1;
  }

  /** Bytes that the question holds. */
  public int bytes() {
    return bytes;
  }
}
