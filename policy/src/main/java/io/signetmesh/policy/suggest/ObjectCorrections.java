package io.signetmesh.policy.suggest;

import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.LintReport;
import io.signetmesh.policy.lint.NamespaceContents;
import io.signetmesh.policy.model.AuthorizationPolicyModel;
import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.DenyPolicyModel;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.MeshTlsModel;
import io.signetmesh.policy.model.NamespaceModel;
import io.signetmesh.policy.model.NetworkModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RateLimitModel;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.ServiceAccountModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Corrects the typo that a finding is about, in one object. */
final class ObjectCorrections {
  private static final String AUTHENTICATIONS = "spec.requiredAuthenticationRefs[";

  private final PolicySnapshot snapshot;
  private final Map<String, NamespaceContents> namespaces;
  private final NameCorrections names;

  ObjectCorrections(LintReport report) {
    this.snapshot = report.snapshot();
    this.namespaces = report.namespaces();
    this.names = new NameCorrections(report);
  }

  /** The object of the finding without its typo; empty when nothing near is there. */
  Optional<Correction> correct(LintFinding finding) {
    return switch (snapshot.objects().get(finding.object())) {
      case null -> Optional.empty();
      case ClientPolicyModel policy -> policy(finding, policy);
      case MeshTlsModel authentication -> meshTls(finding, authentication);
      case ServerAuthorizationModel authorization -> serverAuthorization(finding, authorization);
      case RouteModel route -> route(finding, route);
      case ServerModel server -> server(finding, server);
      case NamespaceModel other -> Optional.empty();
      case JwtModel other -> Optional.empty();
      case RegoModel other -> Optional.empty();
      case NetworkModel other -> Optional.empty();
      case RateLimitModel other -> Optional.empty();
      case ServiceAccountModel other -> Optional.empty();
      case UnusableModel other -> Optional.empty();
      case WorkloadModel other -> Optional.empty();
    };
  }

  // --- AuthorizationPolicies and DenyPolicies ---

  private Optional<Correction> policy(LintFinding finding, ClientPolicyModel policy) {
    if (finding.field().startsWith("spec.targetRef")) {
      return target(policy)
          .map(meant -> meant.in(with(policy, meant.value(), policy.authentications())));
    }
    if (!finding.field().startsWith(AUTHENTICATIONS)) {
      return Optional.empty();
    }
    List<Reference> references = new ArrayList<>(policy.authentications());
    int at = NameCorrections.element(finding.field(), references);
    return at < 0
        ? Optional.empty()
        : names
            .reference(references.get(at), policy.ref().namespace())
            .map(
                meant -> {
                  references.set(at, meant.value());
                  return meant.in(with(policy, policy.target(), references));
                });
  }

  private static PolicyObject with(
      ClientPolicyModel policy, Reference target, List<Reference> authentications) {
    return switch (policy) {
      case AuthorizationPolicyModel grant ->
          new AuthorizationPolicyModel(
              grant.ref(), grant.origin(), target, authentications, grant.mode());
      case DenyPolicyModel denial ->
          new DenyPolicyModel(
              denial.ref(), denial.origin(), target, authentications, denial.mode());
    };
  }

  private Optional<Meant<Reference>> target(ClientPolicyModel policy) {
    Reference target = policy.target();
    NamespaceContents namespace = namespaces.get(policy.ref().namespace());
    if (namespace == null) {
      return Optional.empty();
    }
    if (target.isA(ObjectRef.Kind.SERVER)) {
      return namespace.servers().containsKey(target.name())
          ? Optional.empty()
          : names
              .near(target.name(), namespace.servers().keySet())
              .map(name -> NameCorrections.named(target, name));
    }
    for (ObjectRef.Kind kind : ObjectRef.Kind.values()) {
      if (kind.isRoute() && target.isA(kind)) {
        String lower = target.name().toLowerCase(Locale.ROOT);
        if (namespace.routes(kind).containsKey(lower)) {
          return Optional.empty();
        }
        Optional<ObjectRef> other = namespace.routesNamed(lower).values().stream().findFirst();
        if (other.isPresent()) {
          ObjectRef.Kind found = other.get().kind();
          return Optional.of(
              new Meant<>(
                  new Reference(
                      found.group(), found.resourceKind(), target.namespace(), target.name()),
                  found.resourceKind() + " of group " + found.group()));
        }
        Set<String> known = new HashSet<>();
        namespace.routes(kind).values().forEach(route -> known.add(route.name()));
        return names.near(target.name(), known).map(name -> NameCorrections.named(target, name));
      }
    }
    return Optional.empty();
  }

  private Optional<Correction> meshTls(LintFinding finding, MeshTlsModel authentication) {
    if (finding.field().startsWith("spec.identities[")) {
      List<IdentityMatch> identities = new ArrayList<>(authentication.identities());
      return names
          .identity(finding.field(), identities)
          .map(
              meant ->
                  meant.in(
                      new MeshTlsModel(
                          authentication.ref(),
                          authentication.origin(),
                          meant.value(),
                          authentication.references())));
    }
    if (finding.field().startsWith("spec.identityRefs[")) {
      return names
          .client(finding.field(), authentication.references(), authentication.ref().namespace())
          .map(
              meant ->
                  meant.in(
                      new MeshTlsModel(
                          authentication.ref(),
                          authentication.origin(),
                          authentication.identities(),
                          meant.value())));
    }
    return Optional.empty();
  }

  // --- ServerAuthorizations, routes and Servers ---

  private Optional<Correction> serverAuthorization(
      LintFinding finding, ServerAuthorizationModel authorization) {
    NamespaceContents namespace = namespaces.get(authorization.ref().namespace());
    if (namespace == null) {
      return Optional.empty();
    }
    String field = finding.field();
    String name = authorization.serverName();
    if (field.startsWith("spec.server.name") && name != null) {
      return namespace.servers().containsKey(name)
          ? Optional.empty()
          : names
              .near(name, namespace.servers().keySet())
              .map(
                  near ->
                      new Correction(of(authorization, near, null, authorization.meshTls()), near));
    }
    LabelSelection selector = authorization.serverSelector();
    if (field.startsWith("spec.server.selector") && selector != null) {
      return finding.rule() != LintFinding.Rule.SELECTS_NOTHING
              || !names.afford(namespace.servers().values())
          ? Optional.empty()
          : namespace.servers().values().stream()
              .flatMap(server -> selector.corrected(server.labels()).stream())
              .findFirst()
              .map(
                  label ->
                      new Correction(
                          of(authorization, null, label.selection(), authorization.meshTls()),
                          label.meant()));
    }
    ServerAuthorizationModel.MeshTls tls = authorization.meshTls();
    if (tls == null) {
      return Optional.empty();
    }
    if (field.startsWith("spec.client.meshTLS.identities[")) {
      return names
          .identity(field, tls.identities())
          .map(
              meant ->
                  meant.in(
                      of(
                          authorization,
                          name,
                          selector,
                          new ServerAuthorizationModel.MeshTls(
                              tls.unauthenticatedTls(), meant.value(), tls.serviceAccounts()))));
    }
    if (field.startsWith("spec.client.meshTLS.serviceAccounts[")) {
      return names
          .client(field, tls.serviceAccounts(), authorization.ref().namespace())
          .map(
              meant ->
                  meant.in(
                      of(
                          authorization,
                          name,
                          selector,
                          new ServerAuthorizationModel.MeshTls(
                              tls.unauthenticatedTls(), tls.identities(), meant.value()))));
    }
    return Optional.empty();
  }

  private static ServerAuthorizationModel of(
      ServerAuthorizationModel authorization,
      @Nullable String serverName,
      @Nullable LabelSelection selector,
      ServerAuthorizationModel.@Nullable MeshTls meshTls) {
    return new ServerAuthorizationModel(
        authorization.ref(),
        authorization.origin(),
        serverName,
        selector,
        authorization.networks(),
        authorization.unauthenticated(),
        meshTls,
        authorization.mode());
  }

  private Optional<Correction> route(LintFinding finding, RouteModel route) {
    NamespaceContents namespace = namespaces.get(route.ref().namespace());
    if (namespace == null
        || finding.rule() != LintFinding.Rule.DANGLING_REFERENCE
        || !finding.field().startsWith("spec.parentRefs")) {
      return Optional.empty();
    }
    for (String name : route.servers()) {
      if (!namespace.servers().containsKey(name) && finding.message().contains('"' + name + '"')) {
        return names
            .near(name, namespace.servers().keySet())
            .map(
                near ->
                    new Correction(
                        new RouteModel(
                            route.ref(),
                            route.origin(),
                            route.created(),
                            route.servers().stream()
                                .map(server -> server.equals(name) ? near : server)
                                .distinct()
                                .toList(),
                            route.elsewhere(),
                            route.hosts(),
                            route.rules(),
                            route.flaws()),
                        near));
      }
    }
    return Optional.empty();
  }

  private Optional<Correction> server(LintFinding finding, ServerModel server) {
    NamespaceContents namespace = namespaces.get(server.ref().namespace());
    if (namespace == null || finding.rule() != LintFinding.Rule.SELECTS_NOTHING) {
      return Optional.empty();
    }
    if (server.port() instanceof ServerModel.Port.ByName(String name)
        && finding.field().equals("spec.port")) {
      return names
          .near(name, namespace.portNames(server))
          .map(
              near ->
                  new Correction(
                      of(server, server.selector(), new ServerModel.Port.ByName(near)), near));
    }
    return finding.field().equals("spec.port") || !names.afford(namespace.workloads())
        ? Optional.empty()
        : namespace.workloads().stream()
            .filter(workload -> workload.ref().kind() == server.workloads())
            .flatMap(workload -> server.selector().corrected(workload.labels()).stream())
            .findFirst()
            .map(
                label ->
                    new Correction(of(server, label.selection(), server.port()), label.meant()));
  }

  private static ServerModel of(
      ServerModel server, LabelSelection selector, ServerModel.Port port) {
    return new ServerModel(
        server.ref(),
        server.origin(),
        server.created(),
        server.labels(),
        server.workloads(),
        selector,
        port,
        server.protocol(),
        server.accessPolicy(),
        server.mode(),
        server.flaw());
  }
}
