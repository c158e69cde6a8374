package io.signetmesh.policy.lint;

import io.signetmesh.identity.node.NodeIdentity;
import io.signetmesh.policy.lint.LintFinding.Rule;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NetworkMatch;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Rules for what names clients: identities, service accounts, networks. */
final class ClientFindings {
  private final LintContext seen;

  ClientFindings(LintContext seen) {
    this.seen = seen;
  }

  void meshTls(MeshTlsModel authentication) {
    Set<ObjectRef> affected = seen.affectedBy(authentication.ref());
    identities(authentication, "spec.identities", authentication.identities(), affected);
    for (int i = 0; i < authentication.references().size(); i++) {
      Reference reference = authentication.references().get(i);
      String field = "spec.identityRefs[" + i + "]";
      if (reference.isA(ObjectRef.Kind.SERVICE_ACCOUNT)) {
        serviceAccount(authentication, field, reference, affected);
      } else if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
        clientNamespace(authentication, field, reference.name(), affected);
      }
    }
  }

  void network(NetworkModel authentication) {
    networks(
        authentication,
        "spec.networks",
        authentication.networks(),
        seen.affectedBy(authentication.ref()));
  }

  void identities(
      PolicyObject holder, String field, List<IdentityMatch> matches, Set<ObjectRef> affected) {
    for (int i = 0; i < matches.size(); i++) {
      String place = field + "[" + i + "]";
      switch (matches.get(i)) {
        case IdentityMatch.Exact(String identity) -> identity(holder, place, identity, affected);
        case IdentityMatch.Suffix(List<String> labels) -> {
          String suffix = String.join(".", labels);
          int dot = suffix.indexOf('.');
          if (dot > 0 && suffix.equals(seen.config.identitySuffix(suffix.substring(0, dot)))) {
            clientNamespace(holder, place, suffix.substring(0, dot), affected);
          }
        }
      }
    }
  }

  void serviceAccount(
      PolicyObject holder, String field, Reference reference, Set<ObjectRef> affected) {
    String namespace =
        reference.namespace() == null ? holder.ref().namespace() : reference.namespace();
    account(holder, field, "refers to ", reference.name(), namespace, affected);
  }

  void networks(
      PolicyObject holder, String field, List<NetworkMatch> networks, Set<ObjectRef> affected) {
    for (int i = 0; i < networks.size(); i++) {
      NetworkMatch match = networks.get(i);
      String place = field + "[" + i + "]";
      if (match.isVoid()) {
        seen.warning(
            holder,
            Rule.NEVER_MATCHES,
            place + ".except",
            field + ": the exceptions of " + match.network() + " leave no address",
            affected);
        continue;
      }
      match.except().stream()
          .filter(hole -> !match.network().contains(hole))
          .forEach(
              hole ->
                  seen.warning(
                      holder,
                      Rule.NEVER_MATCHES,
                      place + ".except",
                      field + ": exception " + hole + " is not within " + match.network(),
                      affected));
    }
  }

  private void identity(
      PolicyObject holder, String field, String identity, Set<ObjectRef> affected) {
    if (identity.startsWith("spiffe://")) {
      return;
    }
    if (identity.indexOf('*') >= 0
        || !identity.equals(identity.toLowerCase(Locale.ROOT))
        || identity.endsWith(".")) {
      seen.warning(
          holder,
          Rule.NEVER_MATCHES,
          field,
          "identity \""
              + identity
              + "\" matches no certificate: expected a lower-case DNS name, whose first label may be"
              + " *, or a SPIFFE id",
          affected);
      return;
    }
    String[] labels = identity.split("\\.", 3);
    if (labels.length == 3 && identity.equals(seen.config.identity(labels[0], labels[1]))) {
      account(
          holder,
          field,
          "identity \"" + identity + "\" is that of ",
          labels[0],
          labels[1],
          affected);
    }
  }

  /** Service accounts that are declared, and those that only workloads show. */
  void identity(PolicyObject holder, String account, String namespace) {
    seen.config
        .identityProblem(account, namespace)
        .ifPresent(
            problem ->
                seen.error(
                    holder,
                    Rule.NO_IDENTITY,
                    holder.ref().kind().isWorkload() ? "spec.serviceAccountName" : "metadata.name",
                    problem + "; its workloads get no certificate, and serve nobody",
                    Set.of(holder.ref())));
  }

  /** A workload whose service account is not declared: the mistake is told where it is written. */
  void workload(WorkloadModel workload) {
    String namespace = workload.ref().namespace();
    String identity = workload.identity();
    String suffix = "." + seen.config.identitySuffix(namespace);
    if (identity != null
        && NodeIdentity.isReserved(
            identity, seen.config.controlPlaneNamespace(), seen.config.trustDomain())) {
      seen.error(
          workload,
          Rule.NO_IDENTITY,
          workload.ref().kind() == ObjectRef.Kind.POD
              ? "spec.serviceAccountName"
              : "spec.meshTLS.identity",
          "identity "
              + identity
              + " is reserved for nodes; the workload gets no policy, and serves nobody",
          Set.of(workload.ref()));
      return;
    }
    if (identity == null
        || workload.ref().kind() != ObjectRef.Kind.POD
        || !identity.endsWith(suffix)) {
      return;
    }
    String account = identity.substring(0, identity.length() - suffix.length());
    if (!seen.contents(workload).names(ObjectRef.Kind.SERVICE_ACCOUNT).contains(account)) {
      identity(workload, account, namespace);
    }
  }

  private void account(
      PolicyObject holder,
      String field,
      String what,
      String name,
      String ns,
      Set<ObjectRef> affected) {
    NamespaceContents namespace = seen.namespaces.get(ns);
    if (namespace == null) {
      clientNamespace(
          holder,
          field,
          what + new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, ns, name) + ", but namespace " + ns,
          ns,
          affected);
      return;
    }
    if (name.equals("default") || isNode(name, ns)) {
      return;
    }
    Set<String> known = namespace.accounts(seen.config);
    String near = seen.didYouMean(name, known);
    // Where no accounts are listed, those of workloads are known; there may be others.
    boolean listed = !namespace.names(ObjectRef.Kind.SERVICE_ACCOUNT).isEmpty();
    if (known.contains(name) || (!listed && near.isEmpty())) {
      return;
    }
    seen.warning(
        holder,
        Rule.DANGLING_REFERENCE,
        field,
        what
            + new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, ns, name)
            + ", which is not there"
            + near,
        affected);
  }

  /** Nodes have no object of a service account. */
  private boolean isNode(String account, String namespace) {
    return namespace.equals(seen.config.controlPlaneNamespace())
        && account.startsWith(NodeIdentity.PREFIX);
  }

  private void clientNamespace(
      PolicyObject holder, String field, String name, Set<ObjectRef> affected) {
    clientNamespace(
        holder, field, "is about clients of namespace " + name + ", which", name, affected);
  }

  private void clientNamespace(
      PolicyObject holder, String field, String what, String name, Set<ObjectRef> affected) {
    if (seen.namespaces.containsKey(name)) {
      return;
    }
    String near = seen.didYouMean(name, seen.namespaces.keySet());
    // Clients may be elsewhere; only what looks like a typo is reported.
    if (!near.isEmpty()) {
      seen.warning(
          holder, Rule.DANGLING_REFERENCE, field, what + " has no objects here" + near, affected);
    }
  }
}
