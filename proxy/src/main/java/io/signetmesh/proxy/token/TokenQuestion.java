package io.signetmesh.proxy.token;

import io.signetmesh.jwt.Binding;
import io.signetmesh.jwt.FoundToken;
import io.signetmesh.jwt.HeadFields;
import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenFinder;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Client;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one request, and what is to be known of them. It has copies of all that it needs of
 * the head, so that another thread may answer it.
 */
public final class TokenQuestion {
  private static final String DPOP = "dpop";

  private final List<TokenAuthentication> authentications;
  private final int enforced;
  private final List<FoundToken> found;
  private final @Nullable TokenResult[] results;
  private final Client client;
  private final long epochMillis;
  private final @Nullable ProofHead proof;

  private TokenQuestion(
      List<TokenAuthentication> authentications,
      int enforced,
      List<FoundToken> found,
      Client client,
      long epochMillis,
      @Nullable ProofHead proof) {
    this.authentications = authentications;
    this.enforced = enforced;
    this.found = found;
    this.results = new TokenResult[found.size()];
    this.client = client;
    this.epochMillis = epochMillis;
    this.proof = proof;
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
   */
  static TokenQuestion of(
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      HeadFields head,
      CharSequence authority,
      Client client,
      long epochMillis) {
    List<TokenAuthentication> authentications = needed;
    if (!trial.isEmpty() && !needed.containsAll(trial)) {
      authentications = new ArrayList<>(needed);
      for (TokenAuthentication tried : trial) {
        if (!needed.contains(tried)) {
          authentications.add(tried);
        }
      }
    }
    List<FoundToken> found = new ArrayList<>(authentications.size());
    boolean needsProof = false;
    for (TokenAuthentication authentication : authentications) {
      found.add(TokenFinder.find(authentication, head));
      needsProof |= authentication.boundTo() == Binding.DPOP;
    }
    return new TokenQuestion(
        authentications,
        needed.size(),
        found,
        client,
        epochMillis,
        needsProof ? ProofHead.of(head, authority) : null);
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

  /** SHA-256 of the client's certificate; null when it showed none. */
  @Nullable Thumbprint certificate() {
    return client.certificate();
  }

  /** Time of the request, in milliseconds since the Unix epoch. */
  public long epochMillis() {
    return epochMillis;
  }

  Client client() {
    return client;
  }

  /** What a proof of possession is about; null when no authentication asks for one. */
  @Nullable ProofHead proof() {
    return proof;
  }

  /** Bytes that the question holds. */
  int bytes() {
    int bytes = 256;
    for (int i = 0; i < found.size(); i++) {
      byte[] token = token(i);
      bytes += token == null ? 16 : token.length;
    }
    return proof == null ? bytes : bytes + proof.size();
  }

  /** The parts of a head that a proof of possession is about (RFC 9449 section 4.2). */
  record ProofHead(List<String> proofs, String method, String path, String authority)
      implements HeadFields {
    static ProofHead of(HeadFields head, CharSequence authority) {
      List<String> proofs = new ArrayList<>(1);
      for (CharSequence value : head.values(DPOP)) {
        proofs.add(value.toString());
      }
      return new ProofHead(
          proofs, head.method().toString(), head.path().toString(), authority.toString());
    }

    int size() {
      int size = method.length() + path.length() + authority.length();
      for (String value : proofs) {
        size += value.length();
      }
      return size;
    }

    @Override
    public Iterable<? extends CharSequence> values(String lowerCaseName) {
      return lowerCaseName.equals(DPOP) ? proofs : List.of();
    }
  }
}
