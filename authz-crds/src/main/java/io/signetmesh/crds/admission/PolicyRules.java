package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.signetmesh.crds.egress.EgressNetworkSpec;
import io.signetmesh.crds.policy.AuthorizationPolicySpec;
import io.signetmesh.crds.policy.DenyPolicySpec;
import io.signetmesh.crds.policy.HTTPLocalRateLimitPolicySpec;
import io.signetmesh.crds.policy.LocalTargetRef;
import io.signetmesh.crds.policy.MeshTLSAuthenticationSpec;
import io.signetmesh.crds.policy.NamespacedTargetRef;
import io.signetmesh.crds.policy.NetworkAuthenticationSpec;
import io.signetmesh.crds.policy.ServerAuthorizationSpec;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.crds.rego.RegoAuthentication;
import io.signetmesh.crds.token.JWTAuthentication;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Servers, authorizations, authentications, egress networks and rate limits. */
final class PolicyRules {
  private static final String POLICY = "policy.linkerd.io";
  private static final String GATEWAY = "gateway.networking.k8s.io";
  private static final String SERVICE_ACCOUNT = "ServiceAccount";
  private static final String REQUIRED = "spec.requiredAuthenticationRefs[";

  /** JWTAuthentications that one policy may require. */
  private static final int MAX_TOKENS = 4;

  /** RegoAuthentications that one policy may require. */
  private static final int MAX_BUNDLES = 2;

  /** Name of a container port (RFC 6335, section 5.1). */
  private static final Pattern PORT_NAME =
      Pattern.compile("(?=.{1,15}$)(?=.*[a-z])[a-z0-9](-?[a-z0-9])*");

  private PolicyRules() {}

  static void check(ServerSpec spec, ObjectFindings findings) {
    IntOrString port = spec.port();
    Integer number = port.getIntVal();
    String name = port.getStrVal();
    if (number != null && (number < 1 || number > 65535)) {
      findings.error("spec.port", number + " is not a port number from 1 to 65535");
    } else if (number == null && (name == null || name.isEmpty())) {
      findings.error("spec.port", "must be a port number or the name of a port");
    } else if (number == null && !PORT_NAME.matcher(name).matches()) {
      findings.warning(
          "spec.port",
          quoted(name)
              + " is the name of no container port: those are 1 to 15 lower-case letters, digits"
              + " and single '-', with at least one letter");
    }
    if (spec.podSelector() != null && spec.externalWorkloadSelector() != null) {
      findings.error(
          "spec", List.of("spec"), "podSelector and externalWorkloadSelector exclude each other");
    } else if (spec.podSelector() == null && spec.externalWorkloadSelector() == null) {
      findings.error(
          "spec", List.of("spec"), "one of podSelector and externalWorkloadSelector is required");
    }
    SelectorRules.check(spec.podSelector(), "spec.podSelector", findings);
    SelectorRules.check(spec.externalWorkloadSelector(), "spec.externalWorkloadSelector", findings);
  }

  static void check(AuthorizationPolicySpec spec, ObjectFindings findings) {
    checkTarget(spec.targetRef(), findings);
    checkAuthentications(spec.requiredAuthenticationRefs(), findings);
  }

  static void check(DenyPolicySpec spec, ObjectFindings findings) {
    checkTarget(spec.targetRef(), findings);
    checkAuthentications(spec.requiredAuthenticationRefs(), findings);
    if (spec.requiredAuthenticationRefs().isEmpty()) {
      findings.warning(
          "spec.requiredAuthenticationRefs", "the list is empty: this refuses every client");
    }
  }

  private static void checkTarget(LocalTargetRef target, ObjectFindings findings) {
    if (target.is("", "Namespace")) {
      if (!target.name().equals(findings.namespace())) {
        findings.error(
            "spec.targetRef.name",
            List.of("spec.targetRef", "metadata.namespace"),
            quoted(target.name())
                + " is another namespace: a policy can only target its own, "
                + quoted(findings.namespace()));
      }
    } else if (!target.is(POLICY, "Server")
        && !target.is(POLICY, "HTTPRoute")
        && !target.is(GATEWAY, "HTTPRoute")
        && !target.is(GATEWAY, "GRPCRoute")) {
      findings.error(
          "spec.targetRef",
          kindOf("spec.targetRef"),
          referred(target.group(), target.kind())
              + " cannot be a target: expected Server or HTTPRoute of "
              + POLICY
              + ", HTTPRoute or GRPCRoute of "
              + GATEWAY
              + ", or Namespace without group");
    }
  }

  private static void checkAuthentications(
      List<NamespacedTargetRef> references, ObjectFindings findings) {
    Map<String, Integer> first = new HashMap<>();
    int tokens = 0;
    int bundles = 0;
    for (int i = 0; i < references.size(); i++) {
      NamespacedTargetRef reference = references.get(i);
      String at = REQUIRED + i + "]";
      String role;
      if (reference.is(POLICY, "MeshTLSAuthentication") || reference.is("", SERVICE_ACCOUNT)) {
        role = "identity (MeshTLSAuthentication or ServiceAccount)";
      } else if (reference.is(POLICY, "NetworkAuthentication")) {
        role = "network (NetworkAuthentication)";
      } else if (reference.is(JWTAuthentication.GROUP, JWTAuthentication.KIND)) {
        once(JWTAuthentication.KIND, reference, i, first, findings);
        atMost(MAX_TOKENS, ++tokens, JWTAuthentication.KIND, at, findings);
        continue;
      } else if (reference.is(RegoAuthentication.GROUP, RegoAuthentication.KIND)) {
        once(RegoAuthentication.KIND, reference, i, first, findings);
        atMost(MAX_BUNDLES, ++bundles, RegoAuthentication.KIND, at, findings);
        ownNamespace(reference, at, findings);
        continue;
      } else {
        findings.error(
            at,
            kindOf(at),
            referred(reference.group(), reference.kind())
                + " is no authentication: expected MeshTLSAuthentication or NetworkAuthentication"
                + " of "
                + POLICY
                + ", JWTAuthentication or RegoAuthentication of "
                + JWTAuthentication.GROUP
                + ", or ServiceAccount");
        continue;
      }
      Integer other = first.putIfAbsent(role, i);
      if (other != null) {
        findings.error(
            at,
            List.of(
                at + ".group",
                at + ".kind",
                REQUIRED + other + "].group",
                REQUIRED + other + "].kind"),
            "only one requirement on the "
                + role
                + " is taken, and "
                + REQUIRED
                + other
                + "] is one already");
      }
    }
  }

  /** A bundle is sent to the proxies of its own namespace alone. */
  private static void ownNamespace(
      NamespacedTargetRef reference, String at, ObjectFindings findings) {
    String namespace = reference.namespaceOr(findings.namespace());
    if (!namespace.equals(findings.namespace())) {
      findings.error(
          at + ".namespace",
          List.of(at + ".namespace", "metadata.namespace"),
          quoted(namespace)
              + " is another namespace: a policy can only require a "
              + RegoAuthentication.KIND
              + " of its own, "
              + quoted(findings.namespace()));
    }
  }

  private static void atMost(
      int most, int number, String kind, String at, ObjectFindings findings) {
    if (number == most + 1) {
      findings.error(at, "at most " + most + " " + kind + "s are taken, and this is one more");
    }
  }

  /** Of these kinds there may be several, but not the same object twice. */
  private static void once(
      String kind,
      NamespacedTargetRef reference,
      int index,
      Map<String, Integer> first,
      ObjectFindings findings) {
    String name = reference.namespaceOr(findings.namespace()) + "/" + reference.name();
    Integer other = first.putIfAbsent(kind + " " + name, index);
    if (other != null) {
      String at = REQUIRED + index + "]";
      findings.error(
          at,
          List.of(at, REQUIRED + other + "]", "metadata.namespace"),
          "the " + kind + " " + quoted(name) + " is required twice");
    }
  }

  static void check(MeshTLSAuthenticationSpec spec, ObjectFindings findings) {
    if (!spec.identities().isEmpty() && !spec.identityRefs().isEmpty()) {
      findings.error("spec", List.of("spec"), "identities and identityRefs exclude each other");
    } else if (spec.identities().isEmpty() && spec.identityRefs().isEmpty()) {
      findings.error("spec", List.of("spec"), "one of identities and identityRefs is required");
    }
    for (int i = 0; i < spec.identities().size(); i++) {
      String identity = spec.identities().get(i);
      String at = "spec.identities[" + i + "]";
      IdentityRules.problem(identity)
          .ifPresent(
              problem -> findings.error(at, quoted(identity) + " is no identity: " + problem));
    }
    for (int i = 0; i < spec.identityRefs().size(); i++) {
      NamespacedTargetRef reference = spec.identityRefs().get(i);
      String at = "spec.identityRefs[" + i + "]";
      if (reference.is("", "Namespace")) {
        if (reference.namespace() != null && !reference.namespace().isEmpty()) {
          findings.error(
              at + ".namespace",
              List.of(at + ".group", at + ".kind", at + ".namespace"),
              "a reference to a Namespace has no namespace");
        }
      } else if (!reference.is("", SERVICE_ACCOUNT)) {
        findings.error(
            at,
            kindOf(at),
            kind(reference.group(), reference.kind())
                + " has no identities: expected ServiceAccount or Namespace");
      }
    }
  }

  static void check(NetworkAuthenticationSpec spec, ObjectFindings findings) {
    if (spec.networks().isEmpty()) {
      findings.error("spec.networks", "at least one network is required");
    }
    NetworkRules.check(spec.networks(), "spec.networks", findings);
  }

  static void check(EgressNetworkSpec spec, ObjectFindings findings) {
    if (spec.networks() == null) {
      return;
    }
    if (spec.networks().isEmpty()) {
      findings.error(
          "spec.networks",
          "at least one network is required; leave the field out for everything outside of the"
              + " cluster");
    }
    NetworkRules.check(spec.networks(), "spec.networks", findings);
  }

  static void check(ServerAuthorizationSpec spec, ObjectFindings findings) {
    SelectorRules.check(spec.server().selector(), "spec.server.selector", findings);
    ServerAuthorizationSpec.Client client = spec.client();
    NetworkRules.check(client.networks(), "spec.client.networks", findings);
    ServerAuthorizationSpec.MeshTls mesh = client.meshTLS();
    if (mesh == null) {
      if (!client.unauthenticated()) {
        findings.warning(
            "spec.client",
            List.of("spec.client.unauthenticated", "spec.client.meshTLS"),
            "neither unauthenticated nor meshTLS is given: this grants nothing to anyone");
      }
      return;
    }
    if (client.unauthenticated()) {
      findings.error("spec.client.unauthenticated", "true excludes meshTLS");
    }
    boolean named = !mesh.identities().isEmpty() || !mesh.serviceAccounts().isEmpty();
    if (mesh.unauthenticatedTLS() && named) {
      findings.error(
          "spec.client.meshTLS.unauthenticatedTLS", "true excludes identities and serviceAccounts");
    } else if (!mesh.unauthenticatedTLS() && !named) {
      findings.warning(
          "spec.client.meshTLS",
          "neither unauthenticatedTLS nor an identity is given: this grants nothing to anyone");
    }
  }

  static void check(HTTPLocalRateLimitPolicySpec spec, ObjectFindings findings) {
    if (!spec.targetRef().is(POLICY, "Server")) {
      findings.error(
          "spec.targetRef",
          kindOf("spec.targetRef"),
          referred(spec.targetRef().group(), spec.targetRef().kind())
              + " cannot be a target: expected Server of "
              + POLICY);
    }
    HTTPLocalRateLimitPolicySpec.Limit total = spec.total();
    HTTPLocalRateLimitPolicySpec.Limit identity = spec.identity();
    long most = total == null ? Long.MAX_VALUE : total.requestsPerSecond();
    if (total != null) {
      rate(total.requestsPerSecond(), Long.MAX_VALUE, "spec.total", findings);
    }
    if (identity != null) {
      rate(identity.requestsPerSecond(), most, "spec.identity", findings);
    }
    Map<String, FirstNamed> named = new HashMap<>();
    for (int i = 0; i < spec.overrides().size(); i++) {
      HTTPLocalRateLimitPolicySpec.ClientLimit override = spec.overrides().get(i);
      String at = "spec.overrides[" + i + "]";
      rate(override.requestsPerSecond(), most, at, findings);
      for (int j = 0; j < override.clientRefs().size(); j++) {
        NamespacedTargetRef client = override.clientRefs().get(j);
        if (!client.is("", SERVICE_ACCOUNT)) {
          findings.error(
              at + ".clientRefs[" + j + "]",
              kindOf(at + ".clientRefs[" + j + "]"),
              kind(client.group(), client.kind()) + " is no client: expected ServiceAccount");
        } else {
          named(client, i, at + ".clientRefs[" + j + "]", named, findings);
        }
      }
    }
    if (total == null && identity == null && spec.overrides().isEmpty()) {
      findings.warning(
          "spec",
          List.of("spec.total", "spec.identity", "spec.overrides"),
          "no rate is given: this limits nothing");
    }
  }

  /** Where a client is named first. */
  private record FirstNamed(int index, String field) {}

  /** Of two overrides that name a client the first one holds. */
  private static void named(
      NamespacedTargetRef client,
      int index,
      String at,
      Map<String, FirstNamed> named,
      ObjectFindings findings) {
    String account = client.namespaceOr(findings.namespace()) + "/" + client.name();
    FirstNamed first = named.putIfAbsent(account, new FirstNamed(index, at));
    if (first != null && first.index() != index) {
      findings.warning(
          at,
          List.of(at, first.field(), "metadata.namespace"),
          "the ServiceAccount "
              + quoted(account)
              + " has the limit of "
              + first.field()
              + " already: this one does not hold for it");
    }
  }

  private static void rate(long rate, long most, String at, ObjectFindings findings) {
    String field = at + ".requestsPerSecond";
    if (rate == 0) {
      findings.error(field, "must be greater than 0");
    } else if (rate > most) {
      findings.error(
          field, List.of(field, "spec.total"), rate + " is more than the total of " + most);
    }
  }

  /** A kind of a reference whose expected kinds have a group, which is easily left out. */
  private static String referred(@Nullable String group, String kind) {
    return kind(group, kind) + (group == null || group.isEmpty() ? " without group" : "");
  }

  /** What the kind of a reference follows from. */
  private static List<String> kindOf(String reference) {
    return List.of(reference + ".group", reference + ".kind");
  }

  private static String kind(@Nullable String group, String kind) {
    return kind + (group == null || group.isEmpty() ? "" : " of group " + quoted(group));
  }
}
