package io.signetmesh.policy.index;

import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.TestPolicies;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.LabelSelection;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyAnnotations;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.Reference;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerAuthorizationModel;
import io.signetmesh.policy.model.ServerModel;
import io.signetmesh.policy.model.UnusableModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.token.KeySource;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** An index that follows edits agrees with one that is built afresh. */
final class PolicyIndexProperties {
  private static final int[] PORTS = {8080, 9990, 7000};
  private static final int WITHOUT_SERVER = 1;
  private static final List<AccessPolicy> ACCESS = List.of(AccessPolicy.values());
  private static final List<ProxyProtocol> PROTOCOLS = List.of(ProxyProtocol.values());

  @Property(tries = 400)
  void followingEditsEqualsBuildingAfresh(@ForAll long seed) {
    Random random = new Random(seed);
    PolicyIndex index = new PolicyIndex(TestPolicies.CONFIG, InstantSource.fixed(START));
    IndexLinter linter = new IndexLinter(index);
    Map<ObjectRef, PolicyObject> objects = new TreeMap<>();
    Map<String, Recorder> recorders = new HashMap<>();
    for (int step = 0; step < 25; step++) {
      List<PolicyObject> upserts = new ArrayList<>();
      List<ObjectRef> removals = new ArrayList<>();
      int edits = 1 + random.nextInt(step == 0 ? 20 : 4);
      for (int edit = 0; edit < edits; edit++) {
        if (!objects.isEmpty() && random.nextInt(4) == 0) {
          List<ObjectRef> refs = List.copyOf(objects.keySet());
          ObjectRef victim = refs.get(random.nextInt(refs.size()));
          if (upserts.stream().noneMatch(object -> object.ref().equals(victim))) {
            removals.add(victim);
            objects.remove(victim);
          }
        } else {
          PolicyObject object = randomObject(random);
          upserts.removeIf(earlier -> earlier.ref().equals(object.ref()));
          removals.remove(object.ref());
          upserts.add(object);
          objects.put(object.ref(), object);
        }
      }
      index.apply(upserts, removals);

      PolicyIndex afresh = new PolicyIndex(TestPolicies.CONFIG, InstantSource.fixed(START));
      afresh.apply(objects.values(), List.of());
      IndexLinter lintedAfresh = new IndexLinter(afresh);
      assertThat(linter.findings()).isEqualTo(lintedAfresh.findings());
      assertThat(linter.scopes()).isEqualTo(lintedAfresh.scopes());
      Set<ObjectRef> affecting = new HashSet<>();
      for (ObjectScope scope : linter.scopes()) {
        assertThat(scope.reason().isEmpty()).as("%s", scope).isEqualTo(scope.hasPorts());
        if (scope.hasPorts()) {
          affecting.add(scope.source().object());
        }
      }
      Set<ObjectRef> behindPorts = new HashSet<>();
      recorders.values().removeIf(recorder -> recorder.gone);
      for (ObjectRef ref : objects.keySet()) {
        if (!(objects.get(ref) instanceof io.signetmesh.policy.model.WorkloadModel)) {
          continue;
        }
        index
            .policy(ref, WITHOUT_SERVER)
            .orElseThrow()
            .sources()
            .forEach(source -> behindPorts.add(source.object()));
        for (int port : PORTS) {
          EffectivePolicy expected = afresh.policy(ref, port).orElseThrow();
          EffectivePolicy actual = index.policy(ref, port).orElseThrow();
          assertThat(actual.server().toByteArray())
              .as("%s port %d", ref, port)
              .isEqualTo(expected.server().toByteArray());
          Recorder recorder =
              recorders.computeIfAbsent(ref + ":" + port, key -> watch(index, ref, port));
          assertThat(recorder.last).isEqualTo(actual);
          actual.sources().forEach(source -> behindPorts.add(source.object()));
        }
      }
      assertThat(affecting).isEqualTo(behindPorts);
    }
  }

  private static Recorder watch(PolicyIndex index, ObjectRef ref, int port) {
    Recorder recorder = new Recorder();
    assertThat(index.watch(ref, port, recorder)).isPresent();
    return recorder;
  }

  private static PolicyObject randomObject(Random random) {
    String name = "n" + random.nextInt(4);
    Map<String, String> labels =
        Map.of("app", "a" + random.nextInt(2), "tier", "t" + random.nextInt(2));
    Map<String, String> selector =
        random.nextBoolean()
            ? Map.of("app", "a" + random.nextInt(2))
            : random.nextBoolean() ? Map.of() : Map.of("tier", "t" + random.nextInt(2));
    PolicyObject object = randomObject(random, name, labels, selector);
    if (random.nextInt(3) == 0) {
      return switch (object) {
        case io.signetmesh.policy.model.ServerModel server -> TestPolicies.audited(server);
        case io.signetmesh.policy.model.AuthorizationPolicyModel policy ->
            TestPolicies.audited(policy);
        case io.signetmesh.policy.model.DenyPolicyModel policy -> TestPolicies.audited(policy);
        default -> object;
      };
    }
    return object;
  }

  private static PolicyObject randomObject(
      Random random, String name, Map<String, String> labels, Map<String, String> selector) {
    return switch (random.nextInt(16)) {
      case 0 -> TestPolicies.pod(name, labels, annotations(random));
      case 1 -> TestPolicies.external(name, labels, "id" + random.nextInt(2));
      case 2 -> TestPolicies.namespace(annotations(random));
      case 3, 4 -> randomServer(random, name, selector);
      case 5, 6 -> {
        List<Reference> targets =
            List.of(
                TestPolicies.toServer("n" + random.nextInt(4)),
                TestPolicies.toNamespace(NS),
                new Reference("policy.linkerd.io", "HTTPRoute", null, "N" + random.nextInt(4)));
        List<Reference> authentications =
            List.of(
                TestPolicies.meshTls("n" + random.nextInt(4)),
                TestPolicies.network("n" + random.nextInt(4)),
                TestPolicies.jwt("n" + random.nextInt(4)),
                TestPolicies.rego("n" + random.nextInt(4)),
                TestPolicies.serviceAccount("n" + random.nextInt(4)));
        yield TestPolicies.policy(
            name, targets.get(random.nextInt(3)), some(authentications, random));
      }
      case 7 ->
          random.nextInt(4) == 0
              ? new UnusableModel(
                  new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, name), "", "is odd")
              : TestPolicies.identities(name, "a" + random.nextInt(3), "*.b");
      case 8 ->
          random.nextBoolean()
              ? TestPolicies.networks(name, "10." + random.nextInt(3) + ".0.0/16")
              : new ServerAuthorizationModel(
                  new ObjectRef(ObjectRef.Kind.SERVER_AUTHORIZATION, NS, name),
                  "",
                  null,
                  LabelSelection.of(Map.of("server", "n" + random.nextInt(4))),
                  List.of(),
                  true,
                  null,
                  EnforcementMode.ENFORCE);
      case 9 -> {
        List<Reference> targets =
            List.of(
                TestPolicies.toServer("n" + random.nextInt(4)),
                TestPolicies.toNamespace(NS),
                TestPolicies.toRoute("N" + random.nextInt(4)));
        List<Reference> authentications =
            List.of(
                TestPolicies.meshTls("n" + random.nextInt(4)),
                TestPolicies.jwt("n" + random.nextInt(4)),
                TestPolicies.rego("n" + random.nextInt(4)),
                TestPolicies.network("n" + random.nextInt(4)));
        yield TestPolicies.deny(
            name, targets.get(random.nextInt(3)), some(authentications, random));
      }
      case 10 ->
          TestPolicies.rateLimit(
              name,
              "n" + random.nextInt(4),
              1 + random.nextInt(3),
              random.nextBoolean() ? START : null);
      case 11, 12 ->
          switch (random.nextInt(6)) {
            case 4 -> TestPolicies.rules(name, "n" + random.nextInt(4));
            case 5 ->
                TestPolicies.rules(
                    name,
                    new BundleSource.Fetched(
                        DocumentLocation.bundleFile(NS, "k" + random.nextInt(2)),
                        Duration.ofSeconds(5),
                        Duration.ofHours(1)));
            case 0 -> TestPolicies.tokens(name);
            case 1 -> TestPolicies.fetched(name, "k" + random.nextInt(2));
            case 2 ->
                new UnusableModel(
                    new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, NS, name), "", "is odd");
            default ->
                TestPolicies.tokens(
                    name, new KeySource.Held(false, "n" + random.nextInt(4), "jwks.json"));
          };
      case 13 ->
          switch (random.nextInt(4)) {
            case 0 -> TestPolicies.configMap(name, TestPolicies.keys("c" + random.nextInt(3)));
            case 1 -> TestPolicies.configMap(name, TestPolicies.bundle(random.nextInt(3)));
            case 2 ->
                new RegoModel.FetchedBundle(
                    new ObjectRef(ObjectRef.Kind.POLICY_BUNDLE, NS, name),
                    DocumentLocation.bundleFile(NS, "k" + random.nextInt(2)),
                    TestPolicies.bundle(random.nextInt(3)),
                    START,
                    null);
            default ->
                TestPolicies.fetchedKeys(
                    name, "k" + random.nextInt(2), TestPolicies.keys("f" + random.nextInt(3)));
          };
      default ->
          new RouteModel(
              new ObjectRef(ObjectRef.Kind.HTTP_ROUTE, NS, name),
              "",
              random.nextBoolean() ? START : null,
              List.of("n" + random.nextInt(4)),
              List.of(),
              List.of(),
              new RouteModel.Rules.Http(List.of()),
              List.of());
    };
  }

  private static Reference[] some(List<Reference> references, Random random) {
    return references.stream().filter(one -> random.nextInt(3) == 0).toArray(Reference[]::new);
  }

  private static ServerModel randomServer(
      Random random, String name, Map<String, String> selector) {
    ServerModel.Port port =
        random.nextBoolean()
            ? new ServerModel.Port.ByNumber(PORTS[random.nextInt(PORTS.length)])
            : new ServerModel.Port.ByName(random.nextBoolean() ? "http" : "admin");
    ServerModel server =
        TestPolicies.server(
            name,
            port,
            selector,
            START.plusSeconds(random.nextInt(3)),
            ACCESS.get(random.nextInt(ACCESS.size())));
    return TestPolicies.speaking(server, PROTOCOLS.get(random.nextInt(PROTOCOLS.size())));
  }

  private static PolicyAnnotations annotations(Random random) {
    return new PolicyAnnotations(
        random.nextBoolean() ? ACCESS.get(random.nextInt(ACCESS.size())).wireName() : null,
        random.nextInt(3) == 0 ? "8080,admin" : null,
        random.nextInt(3) == 0 ? "7000-7005" : null);
  }

  private static final class Recorder implements PortListener {
    EffectivePolicy last =
        new EffectivePolicy(io.linkerd.proxy.inbound.Server.getDefaultInstance(), 0);
    boolean gone;

    @Override
    public void onPolicy(EffectivePolicy policy) {
      assertThat(gone).isFalse();
      assertThat(policy.server()).isNotEqualTo(last.server());
      last = policy;
    }

    @Override
    public void onWorkloadGone() {
      gone = true;
    }
  }
}
