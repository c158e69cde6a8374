package io.signetmesh.cli.token;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.text.TextTable;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.jwt.Binding;
import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenResult;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All checks of a token, and what came of them.
 *
 * @param authentication what the token has to pass
 * @param at time of the checks
 * @param checks the checks in order
 * @param failure why the token is refused; null when it is accepted
 */
record CheckedToken(
    TokenAuthentication authentication,
    Instant at,
    List<Check> checks,
    @Nullable TokenFailure failure) {
  /** Copies the list. */
  CheckedToken {
    checks = List.copyOf(checks);
  }

  /**
   * A check.
   *
   * @param detail one sentence, without values of the token but for times, algorithm and key id
   */
  record Check(String name, boolean passed, String detail) {}

  /**
   * Checks a token.
   *
   * @param certificate SHA-256 of the client's certificate; null when none is known
   */
  static CheckedToken of(
      TokenAuthentication authentication,
      byte[] token,
      @Nullable Thumbprint certificate,
      Instant at) {
    List<Check> checks = new ArrayList<>();
    TokenResult result =
        authentication.verify(
            token, (name, passed, detail) -> checks.add(new Check(name, passed, detail)));
    long now = at.toEpochMilli();
    if (checks.stream().anyMatch(check -> check.name().equals("form") && check.passed())) {
      String late = result.timeDetailAt(now);
      checks.add(
          new Check("time", late == null, late == null ? "exp, nbf and iat hold at " + at : late));
    }
    TokenFailure failure = result.failureAt(now);
    if (failure == null) {
      failure = binding(authentication.boundTo(), result, certificate, checks);
    }
    return new CheckedToken(authentication, at, checks, failure);
  }

  private static @Nullable TokenFailure binding(
      Binding binding, TokenResult result, @Nullable Thumbprint certificate, List<Check> checks) {
    switch (binding) {
      case NONE -> {
        return null;
      }
      case CERTIFICATE -> {
        Thumbprint wanted = result.certificate();
        boolean same = certificate != null && wanted != null && certificate.equals(wanted);
        checks.add(
            new Check(
                "certificate",
                same,
                same
                    ? "the token is bound to the client's certificate"
                    : certificate == null
                        ? "the token is bound to a certificate, and none is given: --client-cert"
                        : "the token is bound to another certificate"));
        return same ? null : TokenFailure.CERTIFICATE_MISMATCH;
      }
      case DPOP -> {
        checks.add(
            new Check(
                "proof", true, "not checked: each request needs a proof of possession of its own"));
        return null;
      }
    }
    throw new IllegalStateException(binding + " is no binding");
  }

  boolean accepted() {
    return failure == null;
  }

  void print(PrintWriter out) {
    out.println(
        (failure == null ? "accepted" : "refused (" + failure.code() + ")")
            + ": JWTAuthentication "
            + authentication.name()
            + " wants a "
            + PlainText.of(authentication.requirement()));
    TextTable table = new TextTable("", "CHECK", "DETAIL");
    for (Check check : checks) {
      table.row(List.of(check.passed() ? "ok" : "failed", check.name(), check.detail()));
    }
    table.print(out);
  }

  ObjectNode json() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("accepted", accepted());
    if (failure != null) {
      node.put("failure", failure.code());
    }
    node.put("authentication", authentication.name());
    node.put("wanted", authentication.requirement());
    node.put("at", at.toString());
    ArrayNode list = node.putArray("checks");
    for (Check check : checks) {
      list.addObject()
          .put("name", check.name())
          .put("passed", check.passed())
          .put("detail", check.detail());
    }
    return node;
  }
}
