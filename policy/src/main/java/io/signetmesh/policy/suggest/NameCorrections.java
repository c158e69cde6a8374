package io.signetmesh.policy.suggest;

import io.signetmesh.policy.index.PolicySnapshot;
import io.signetmesh.policy.lint.LintReport;
import io.signetmesh.policy.lint.NamespaceContents;
import io.signetmesh.policy.lint.NearestNames;
import io.signetmesh.policy.model.IdentityMatch;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.Reference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Corrects references, identities and names of one object: takes the nearest name that exists, by
 * the rules of the hints in findings. What has no near name is left alone.
 */
final class NameCorrections {
  /** Names and labels compared for the suggestions of one port; after that there are no more. */
  private static final long MAX_COMPARISONS = 100_000;

  private static final Pattern ELEMENT = Pattern.compile("\\[(\\d{1,6})]");

  private final PolicySnapshot snapshot;
  private final Map<String, NamespaceContents> namespaces;
  private final NearestNames nearest;

  NameCorrections(LintReport report) {
    this.snapshot = report.snapshot();
    this.namespaces = report.namespaces();
    this.nearest = new NearestNames(namespaces, MAX_COMPARISONS);
  }

  /** The references with the one of the field corrected. */
  Optional<Meant<List<Reference>>> client(String field, List<Reference> written, String own) {
    List<Reference> references = new ArrayList<>(written);
    int at = element(field, references);
    return at < 0
        ? Optional.empty()
        : reference(references.get(at), own)
            .map(
                meant -> {
                  references.set(at, meant.value());
                  return new Meant<>(references, meant.text());
                });
  }

  Optional<Meant<Reference>> reference(Reference reference, String own) {
    if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
      return namespaces.containsKey(reference.name())
          ? Optional.empty()
          : near(reference.name(), namespaces.keySet()).map(name -> named(reference, name));
    }
    ObjectRef ref = reference.resolve(own).orElse(null);
    if (ref == null) {
      return Optional.empty();
    }
    return switch (ref.kind()) {
      case SERVICE_ACCOUNT ->
          account(ref.name(), ref.namespace())
              .map(meant -> new Meant<>(to(reference, meant.value()), meant.text()));
      case MESH_TLS_AUTHENTICATION,
          NETWORK_AUTHENTICATION,
          JWT_AUTHENTICATION,
          REGO_AUTHENTICATION ->
          authentication(ref).map(meant -> new Meant<>(to(reference, meant.value()), meant.text()));
      default -> Optional.empty();
    };
  }

  private Optional<Meant<ObjectRef>> authentication(ObjectRef missing) {
    if (snapshot.objects().containsKey(missing)) {
      return Optional.empty();
    }
    return nearest
        .of(missing)
        .map(
            meant ->
                new Meant<>(
                    meant,
                    meant.namespace().equals(missing.namespace())
                        ? meant.name()
                        : meant.namespace()));
  }

  /** A service account that exists, or one of a namespace that does. */
  private Optional<Meant<ObjectRef>> account(String name, String ns) {
    NamespaceContents namespace = namespaces.get(ns);
    if (namespace == null) {
      return near(ns, namespaces.keySet())
          .map(
              near -> new Meant<>(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, near, name), near));
    }
    Set<String> known = namespace.accounts(snapshot.config());
    return known.contains(name)
        ? Optional.empty()
        : near(name, known)
            .map(
                near -> new Meant<>(new ObjectRef(ObjectRef.Kind.SERVICE_ACCOUNT, ns, near), near));
  }

  /** The identities with the one of the field corrected. */
  Optional<Meant<List<IdentityMatch>>> identity(String field, List<IdentityMatch> identities) {
    int at = element(field, identities);
    Optional<Meant<IdentityMatch>> meant =
        switch (at < 0 ? null : identities.get(at)) {
          case null -> Optional.empty();
          case IdentityMatch.Exact(String identity) -> {
            String[] labels = identity.split("\\.", 3);
            yield labels.length == 3
                    && identity.equals(snapshot.config().identity(labels[0], labels[1]))
                ? account(labels[0], labels[1])
                    .map(
                        account ->
                            new Meant<>(
                                new IdentityMatch.Exact(
                                    snapshot
                                        .config()
                                        .identity(
                                            account.value().name(), account.value().namespace())),
                                account.text()))
                : Optional.empty();
          }
          case IdentityMatch.Suffix(List<String> labels) ->
              labels.isEmpty()
                      || namespaces.containsKey(labels.getFirst())
                      || !String.join(".", labels)
                          .equals(snapshot.config().identitySuffix(labels.getFirst()))
                  ? Optional.empty()
                  : near(labels.getFirst(), namespaces.keySet())
                      .map(
                          near ->
                              new Meant<>(
                                  new IdentityMatch.Suffix(
                                      List.of(
                                          snapshot.config().identitySuffix(near).split("\\.", -1))),
                                  near));
        };
    return meant.map(
        one -> {
          List<IdentityMatch> all = new ArrayList<>(identities);
          all.set(at, one.value());
          return new Meant<>(all, one.text());
        });
  }

  /** The nearest name, as long as the comparisons last. */
  Optional<String> near(String name, Collection<String> known) {
    return nearest.of(name, known);
  }

  /** Whether so many labels may be compared. */
  boolean afford(Collection<?> compared) {
    return nearest.afford(compared.size());
  }

  static Meant<Reference> named(Reference reference, String name) {
    return new Meant<>(
        new Reference(reference.group(), reference.kind(), reference.namespace(), name), name);
  }

  private static Reference to(Reference reference, ObjectRef meant) {
    return new Reference(reference.group(), reference.kind(), meant.namespace(), meant.name());
  }

  /** The element of a list that a field is or is within; -1 when there is none. */
  static int element(String field, List<?> list) {
    Matcher matcher = ELEMENT.matcher(field);
    int at = matcher.find() ? Integer.parseInt(matcher.group(1)) : -1;
    return at < list.size() ? at : -1;
  }
}
