package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.policy.clients.ClientWorkload;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.rego.RegoAuthentication;
import java.util.List;

/** Formats answers as JSON. Later versions may add fields; existing ones keep their meaning. */
public final class AnswerJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private AnswerJson() {}

  /** The answer, without its explanation. */
  public static ObjectNode of(Answer answer) {
    ObjectNode node = JSON.objectNode();
    decision(node, answer.decision());
    if (answer.status() != 0) {
      node.put("status", answer.status());
    }
    if (answer.grpcStatus() >= 0) {
      node.put("grpcStatus", answer.grpcStatus());
    }
    if (answer.location() != null) {
      node.put("location", answer.location());
    }
    node.put("mode", answer.decision().mode().code());
    node.put("server", answer.server().label());
    if (answer.route() != null) {
      node.put("route", answer.route().label());
    }
    if (answer.generation() != 0) {
      node.put("generation", answer.generation());
    }
    ObjectNode client = node.putObject("client");
    if (answer.caller().identity() != null) {
      client.put("identity", answer.caller().identity());
    }
    client.put("ip", answer.caller().ip().getHostAddress());
    client.put("ipAssumed", answer.caller().assumedIp() != null);
    client.put("tls", answer.caller().tls());
    ClientWorkload at = answer.caller().at();
    if (at != null) {
      ObjectNode workload = client.putObject("addressOf");
      workload.put("workload", at.ref().toString());
      if (at.identity() != null) {
        workload.put("identity", at.identity());
      }
    }
    ObjectNode request = node.putObject("request");
    request.put("protocol", answer.protocol().wireName());
    Answer.Request asked = answer.request();
    if (asked != null) {
      request.put("method", asked.method()).put("path", asked.path()).put("host", asked.host());
    }
    if (answer.tokens().size() > 0) {
      ArrayNode tokens = node.putArray("tokens");
      for (int i = 0; i < answer.tokens().size(); i++) {
        token(tokens.addObject(), answer.tokens(), i);
      }
    }
    if (!answer.proofs().rego().isEmpty()) {
      ArrayNode rego = node.putArray("rego");
      answer.proofs().rego().forEach(proof -> rego(rego.addObject(), proof));
    }
    Explanation explanation = answer.explanation();
    Explanation dryRun = explanation == null ? null : explanation.trial();
    if (dryRun != null) {
      ObjectNode entry = node.putObject("trial");
      decision(entry, dryRun.decision());
      entry.put("server", dryRun.server().label());
      Route route = dryRun.route();
      if (route != null) {
        entry.put("route", route.ref().label());
      }
    }
    return node;
  }

  private static void token(ObjectNode node, TokenProofs tokens, int index) {
    TokenProof proof = tokens.proof(index);
    node.put("authentication", tokens.authentication(index).name());
    if (index >= tokens.enforced()) {
      node.put("trial", true);
    }
    node.put("wanted", tokens.authentication(index).requirement());
    node.put("result", AnswerText.result(proof));
    String detail = AnswerText.detail(proof, tokens.epochMillis());
    if (detail != null) {
      node.put("detail", detail);
    }
    TokenPrincipal principal = proof.principal();
    if (principal != null && principal.subject() != null) {
      node.put("subject", principal.subject());
    }
  }

  private static void rego(ObjectNode node, RegoProof proof) {
    RegoAuthentication authentication = proof.question().authentication();
    node.put("authentication", authentication.name());
    node.put("wanted", authentication.requirement());
    node.put("outcome", proof.code());
    if (proof.answer().reason() != null) {
      node.put("reason", proof.answer().reason());
    }
  }

  /** The answer, with every rule and route that was considered. */
  public static ObjectNode explained(Answer answer) {
    ObjectNode node = of(answer);
    Explanation explanation = answer.explanation();
    if (explanation != null) {
      considered(node, explanation);
      Explanation dryRun = explanation.trial();
      if (dryRun != null && answer.dryRun() != null) {
        considered((ObjectNode) node.get("trial"), dryRun);
      }
    }
    return node;
  }

  private static void decision(ObjectNode node, Decision decision) {
    node.put("verdict", Answer.verdict(decision));
    node.put("reason", decision.reason().code());
    if (decision.authorization() != null) {
      node.put("authorization", decision.authorizationLabel());
    }
    if (decision.failedAttribute() != null) {
      node.put("failedAttribute", decision.failedAttribute());
    }
    if (decision.detail() != null) {
      node.put("detail", decision.detail());
    }
  }

  private static void considered(ObjectNode node, Explanation explanation) {
    ArrayNode rules = node.putArray("rules");
    for (Explanation.Rule rule : explanation.rules()) {
      ObjectNode one = rules.addObject();
      one.put("level", ExplanationText.level(rule.level()));
      one.put("object", rule.ref().label());
      one.put("matched", rule.matched());
      one.put("decisive", rule.decisive());
      conditions(one, rule.conditions());
    }
    ArrayNode routes = node.putArray("routes");
    for (Explanation.RouteMatch match : explanation.routes()) {
      ObjectNode one = routes.addObject();
      one.put("object", match.ref().label());
      one.put("matched", match.matched());
      one.put("taken", match.taken());
      conditions(one, match.conditions());
    }
  }

  private static void conditions(ObjectNode node, List<Explanation.Condition> conditions) {
    ArrayNode list = node.putArray("conditions");
    for (Explanation.Condition condition : conditions) {
      ObjectNode one = list.addObject();
      one.put("attribute", condition.attribute().code());
      if (condition.name() != null) {
        one.put("name", condition.name());
      }
      one.put("holds", condition.holds());
      one.put("wanted", condition.wanted());
      one.put("seen", condition.seen());
    }
  }
}
