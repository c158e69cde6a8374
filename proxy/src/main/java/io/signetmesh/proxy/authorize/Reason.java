package io.signetmesh.proxy.authorize;

/** Why a decision came out as it did; the code is stable and appears in audit records. */
public enum Reason {
  /** An authorization matched; the decision names it. */
  AUTHORIZED("authorized"),
  /** No authorization matched; the audit access policy of the port lets it through. */
  AUDITED("audited"),
  /** A denial matched: whatever else allows, it refuses. The decision names it. */
  DENIED_BY_POLICY("denied-by-policy"),
  /** The loopback interface is always allowed: the workload talks to itself. */
  LOOPBACK("loopback"),
  /** The client proved an identity, and no authorization lists it. */
  IDENTITY_MISMATCH("identity-mismatch"),
  /** The client's address is in no network of an authorization whose identity part holds. */
  NETWORK_MISMATCH("network-mismatch"),
  /** Mesh TLS is required and the connection has none. */
  TLS_REQUIRED("tls-required"),
  /** A client identity is required and the client showed none. */
  IDENTITY_REQUIRED("identity-required"),
  /** A token is required, and the request has none. */
  TOKEN_REQUIRED("token-required"),
  /** A token is required, and the one that the request has is not valid. */
  TOKEN_INVALID("token-invalid"),
  /** The token is valid, and a claim is not what is required. */
  CLAIM_MISMATCH("claim-mismatch"),
  /** Everything else holds, and the policy bundle that has to allow the request says no. */
  REGO_DENIED("rego-denied"),
  /** Everything else holds, and the policy bundle that has to allow the request has no answer. */
  REGO_FAILED("rego-failed"),
  /** The server has no authorization at all. */
  NO_AUTHORIZATION("no-authorization"),
  /** No route of the server matches the request. */
  NO_ROUTE("no-route"),
  /** CONNECT asks for a tunnel, and no route in force that takes it names the method. */
  TUNNEL_REFUSED("tunnel-refused"),
  /**
   * The application has taken up a request to leave HTTP that was allowed (CONNECT, Upgrade): what
   * follows on the connection is bytes that nobody looks at.
   */
  TUNNEL("tunnel"),
  /** The controller has not stated a policy for the port within the time allowed. */
  NO_POLICY("no-policy"),
  /** The policy stated for the port is not valid and grants nothing. */
  INVALID_POLICY("invalid-policy"),
  /** The workload does not own the address that the client wanted. */
  FOREIGN_ADDRESS("foreign-address"),
  /** The connection does not follow the protocol that the port demands. */
  PROTOCOL_ERROR("protocol-error"),
  /**
   * The TLS handshake failed: the certificate is foreign, expired or absent where one is required.
   */
  TLS_HANDSHAKE("tls-handshake-failed"),
  /**
   * The path has no safe normal form, or leads elsewhere when it is read without its parameters, so
   * that the decision could be about another resource than the one served.
   */
  UNSAFE_PATH("unsafe-path"),
  /** A rate limit is exhausted. */
  RATE_LIMITED("rate-limited"),
  /** The proxy has as many requests under way as it takes; policy was not asked. */
  OVERLOAD("overload"),
  /**
   * Policy allows it, but it cannot be put on record, and the workload is to serve nothing then.
   */
  AUDIT_UNAVAILABLE("audit-unavailable"),
  /** The peer's identity, or a certificate of its path, has been revoked. */
  PEER_REVOKED("peer-revoked"),
  /** The peer's trust domain, or the anchor of its path, is trusted no more. */
  PEER_UNTRUSTED("peer-untrusted"),
  /** A certificate that the connection was made with has ended. */
  PEER_EXPIRED("peer-expired");

  private final String code;

  Reason(String code) {
    this.code = code;
  }

  /**
   * The reason with a code.
   *
   * @throws IllegalArgumentException when there is none
   */
  public static Reason ofCode(String code) {
    for (Reason reason : values()) {
      if (reason.code.equals(code)) {
        return reason;
      }
    }
    throw new IllegalArgumentException("no reason has code " + code);
  }

  /** Stable lower-case code with hyphens. */
  public String code() {
    return code;
  }
}
