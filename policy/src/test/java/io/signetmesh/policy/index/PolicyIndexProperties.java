package io.signetmesh.policy.index;

import static io.signetmesh.policy.index.Facts.NS;
import static io.signetmesh.policy.index.Facts.START;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.crds.policy.AccessPolicy;
import io.signetmesh.crds.policy.EnforcementMode;
import io.signetmesh.crds.policy.ProxyProtocol;
import io.signetmesh.policy.facts.Fact;
import io.signetmesh.policy.facts.LabelSelection;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.facts.PolicyAnnotations;
import io.signetmesh.policy.facts.Reference;
import io.signetmesh.policy.facts.RouteFact;
import io.signetmesh.policy.facts.ServerAuthorizationFact;
import io.signetmesh.policy.facts.ServerFact;
import io.signetmesh.policy.facts.UnusableFact;
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
    PolicyIndex index = new PolicyIndex(Facts.CONFIG, InstantSource.fixed(START));
    Map<ObjectRef, Fact> objects = new TreeMap<>();
    Map<String, Recorder> recorders = new HashMap<>();
    for (int step = 0; step < 25; step++) {
      List<Fact> upserts = new ArrayList<>();
      List<ObjectRef> removals = new ArrayList<>();
      int edits = 1 + random.nextInt(step == 0 ? 20 : 4);
      for (int edit = 0; edit < edits; edit++) {
        if (!objects.isEmpty() && random.nextInt(4) == 0) {
          List<ObjectRef> refs = List.copyOf(objects.keySet());
          ObjectRef victim = refs.get(random.nextInt(refs.size()));
          if (upserts.stream().noneMatch(fact -> fact.ref().equals(victim))) {
            removals.add(victim);
            objects.remove(victim);
          }
        } else {
          Fact fact = randomFact(random);
          upserts.removeIf(earlier -> earlier.ref().equals(fact.ref()));
          removals.remove(fact.ref());
          upserts.add(fact);
          objects.put(fact.ref(), fact);
        }
      }
      index.apply(upserts, removals);

      PolicyIndex afresh = new PolicyIndex(Facts.CONFIG, InstantSource.fixed(START));
      afresh.apply(objects.values(), List.of());
      assertThat(index.findings()).isEqualTo(afresh.findings());
      assertThat(index.reaches()).isEqualTo(afresh.reaches());
      Set<ObjectRef> bearing = new HashSet<>();
      for (ObjectReach reach : index.reaches()) {
        assertThat(reach.reason().isEmpty()).as("%s", reach).isEqualTo(reach.hasPorts());
        if (reach.hasPorts()) {
          bearing.add(reach.source().object());
        }
      }
      Set<ObjectRef> behindPorts = new HashSet<>();
      recorders.values().removeIf(recorder -> recorder.gone);
      for (ObjectRef ref : objects.keySet()) {
        if (!(objects.get(ref) instanceof io.signetmesh.policy.facts.WorkloadFact)) {
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
      assertThat(bearing).isEqualTo(behindPorts);
    }
  }

  private static Recorder watch(PolicyIndex index, ObjectRef ref, int port) {
    Recorder recorder = new Recorder();
    assertThat(index.watch(ref, port, recorder)).isPresent();
    return recorder;
  }

  private static Fact randomFact(Random random) {
    String name = "n" + random.nextInt(4);
    Map<String, String> labels =
        Map.of("app", "a" + random.nextInt(2), "tier", "t" + random.nextInt(2));
    Map<String, String> selector =
        random.nextBoolean()
            ? Map.of("app", "a" + random.nextInt(2))
            : random.nextBoolean() ? Map.of() : Map.of("tier", "t" + random.nextInt(2));
    Fact fact = randomFact(random, name, labels, selector);
    if (random.nextInt(3) == 0) {
      return switch (fact) {
        case io.signetmesh.policy.facts.ServerFact server -> Facts.audited(server);
        case io.signetmesh.policy.facts.AuthorizationPolicyFact policy -> Facts.audited(policy);
        case io.signetmesh.policy.facts.DenyPolicyFact policy -> Facts.audited(policy);
        default -> fact;
      };
    }
    return fact;
  }

  private static Fact randomFact(
      Random random, String name, Map<String, String> labels, Map<String, String> selector) {
    return switch (random.nextInt(12)) {
      case 0 -> Facts.pod(name, labels, annotations(random));
      case 1 -> Facts.external(name, labels, "id" + random.nextInt(2));
      case 2 -> Facts.namespace(annotations(random));
      case 3, 4 -> randomServer(random, name, selector);
      case 5, 6 -> {
        List<Reference> targets =
            List.of(
                Facts.toServer("n" + random.nextInt(4)),
                Facts.toNamespace(NS),
                new Reference("policy.linkerd.io", "HTTPRoute", null, "N" + random.nextInt(4)));
        List<Reference> authentications =
            List.of(
                Facts.meshTls("n" + random.nextInt(4)),
                Facts.network("n" + random.nextInt(4)),
                Facts.serviceAccount("n" + random.nextInt(4)));
        yield Facts.policy(
            name,
            targets.get(random.nextInt(3)),
            authentications.subList(0, random.nextInt(3)).toArray(Reference[]::new));
      }
      case 7 ->
          random.nextInt(4) == 0
              ? new UnusableFact(
                  new ObjectRef(ObjectRef.Kind.MESH_TLS_AUTHENTICATION, NS, name), "", "is odd")
              : Facts.identities(name, "a" + random.nextInt(3), "*.b");
      case 8 ->
          random.nextBoolean()
              ? Facts.networks(name, "10." + random.nextInt(3) + ".0.0/16")
              : new ServerAuthorizationFact(
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
                Facts.toServer("n" + random.nextInt(4)),
                Facts.toNamespace(NS),
                Facts.toRoute("N" + random.nextInt(4)));
        List<Reference> authentications =
            List.of(Facts.meshTls("n" + random.nextInt(4)), Facts.network("n" + random.nextInt(4)));
        yield Facts.deny(
            name,
            targets.get(random.nextInt(3)),
            authentications.subList(0, random.nextInt(3)).toArray(Reference[]::new));
      }
      case 10 ->
          Facts.rateLimit(
              name,
              "n" + random.nextInt(4),
              1 + random.nextInt(3),
              random.nextBoolean() ? START : null);
      default ->
          new RouteFact(
              new ObjectRef(ObjectRef.Kind.HTTP_ROUTE, NS, name),
              "",
              random.nextBoolean() ? START : null,
              List.of("n" + random.nextInt(4)),
              List.of(),
              List.of(),
              new RouteFact.Rules.Http(List.of()),
              List.of());
    };
  }

  private static ServerFact randomServer(Random random, String name, Map<String, String> selector) {
    ServerFact.Port port =
        random.nextBoolean()
            ? new ServerFact.Port.ByNumber(PORTS[random.nextInt(PORTS.length)])
            : new ServerFact.Port.ByName(random.nextBoolean() ? "http" : "admin");
    ServerFact server =
        Facts.server(
            name,
            port,
            selector,
            START.plusSeconds(random.nextInt(3)),
            ACCESS.get(random.nextInt(ACCESS.size())));
    return Facts.speaking(server, PROTOCOLS.get(random.nextInt(PROTOCOLS.size())));
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
