package io.signetmesh.walls;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.http.exchange.Exchange;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds the walls between the modules, as docs/architecture.md draws them. */
final class WallsTest {
  private static final String WIRE_LINKERD = "io.linkerd..";
  private static final String WIRE_SIGNET = "io.signetmesh.v1..";
  private static final String WIRE_SPIFFE = "io.signetmesh.spiffe..";
  private static final String PATH = "io.signetmesh.path..";
  private static final String CRDS = "io.signetmesh.crds..";
  private static final String AUDIT = "io.signetmesh.audit..";
  private static final String CLUSTER = "io.signetmesh.cluster..";
  private static final String POLICY_MODEL = "io.signetmesh.policy.model..";
  private static final String IDENTITY = "io.signetmesh.identity..";
  private static final String CRYPTO = "io.signetmesh.identity.crypto..";
  private static final String PKI = "io.signetmesh.identity.pki..";
  private static final String ADMIN = "io.signetmesh.identity.admin..";
  private static final String NODE = "io.signetmesh.identity.node..";
  private static final String CHANNEL = "io.signetmesh.identity.channel..";
  private static final String LIVE = "io.signetmesh.identity.live..";
  private static final String WORKLOAD = "io.signetmesh.identity.workload..";
  private static final String JWT = "io.signetmesh.jwt..";
  private static final String REGO = "io.signetmesh.rego..";

  /** Module package, and what of ours it may use besides itself. */
  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("path", List.of()),
          Map.entry("crds", List.of(PATH)),
          Map.entry("audit", List.of(WIRE_LINKERD, WIRE_SIGNET)),
          Map.entry("identity", List.of(WIRE_LINKERD, WIRE_SIGNET, WIRE_SPIFFE, AUDIT)),
          Map.entry("jwt", List.of(WIRE_SIGNET, CRYPTO)),
          Map.entry("rego", List.of(WIRE_SIGNET)),
          Map.entry("rotation", List.of(WIRE_SIGNET, AUDIT, IDENTITY)),
          Map.entry("cluster", List.of(CRDS)),
          Map.entry(
              "policy",
              List.of(
                  CLUSTER,
                  CRDS,
                  WIRE_LINKERD,
                  WIRE_SIGNET,
                  AUDIT,
                  PKI,
                  CHANNEL,
                  ADMIN,
                  NODE,
                  JWT,
                  REGO)),
          Map.entry(
              "discovery",
              List.of(CLUSTER, CRDS, WIRE_LINKERD, WIRE_SIGNET, PKI, CHANNEL, ADMIN, NODE)),
          Map.entry("collector", List.of(WIRE_SIGNET, AUDIT, PKI, CHANNEL, ADMIN, NODE)),
          Map.entry(
              "proxy",
              List.of(
                  PATH,
                  WIRE_LINKERD,
                  WIRE_SIGNET,
                  AUDIT,
                  PKI,
                  CHANNEL,
                  LIVE,
                  WORKLOAD,
                  JWT,
                  REGO)));

  /** The wire contract is generated; what it uses is not ours to say. */
  private static final DescribedPredicate<JavaClass> OURS =
      resideInAnyPackage("io.signetmesh..", WIRE_LINKERD).as("ours");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.signetmesh", "io.linkerd");

  static List<String> modules() {
    return MAY_USE.keySet().stream().sorted().toList();
  }

  @ParameterizedTest
  @MethodSource("modules")
  void aModuleUsesOnlyItsNeighbours(String module) {
    List<String> allowed = new ArrayList<>(MAY_USE.get(module));
    allowed.add(own(module));
    noClasses()
        .that(resideInAPackage(own(module)))
        .should()
        .dependOnClassesThat(
            OURS.and(
                DescribedPredicate.not(resideInAnyPackage(allowed.toArray(String[]::new)))
                    .as("beyond %s", allowed)))
        .check(CLASSES);
  }

  @Test
  void theWireContractUsesNothingOfOurs() {
    noClasses()
        .that(resideInAnyPackage(WIRE_LINKERD, WIRE_SIGNET, WIRE_SPIFFE))
        .should()
        .dependOnClassesThat(
            OURS.and(
                DescribedPredicate.not(resideInAnyPackage(WIRE_LINKERD, WIRE_SIGNET, WIRE_SPIFFE))))
        .check(CLASSES);
  }

  /** Each package is a slice, a module's own among them. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "crds",
        "audit",
        "identity",
        "jwt",
        "rego",
        "rotation",
        "cluster",
        "policy",
        "discovery",
        "collector",
        "proxy",
        "cli"
      })
  void packagesOfAModuleHaveNoCycles(String module) {
    DescribedPredicate<JavaClass> inModule = resideInAPackage(own(module));
    slices()
        .assignedFrom(
            new SliceAssignment() {
              @Override
              public SliceIdentifier getIdentifierOf(JavaClass one) {
                return inModule.test(one)
                    ? SliceIdentifier.of(one.getPackageName())
                    : SliceIdentifier.ignore();
              }

              @Override
              public String getDescription() {
                return "packages of " + module;
              }
            })
        .should()
        .beFreeOfCycles()
        .check(CLASSES);
  }

  /**
   * The JDK's own provider, which everything else would get, is several times as slow. A
   * transparency log signs once for many records, and knows nothing of identity.
   */
  @Test
  void signaturesAreOfTheProviderThatTheProcessHasChosen() {
    noClasses()
        .that()
        .resideOutsideOfPackages("io.signetmesh.identity.crypto", "io.signetmesh.audit.tlog")
        .should()
        .callMethod(Signature.class, "getInstance", String.class)
        .orShould()
        .callMethod(X509Certificate.class, "verify", PublicKey.class)
        .orShould()
        .callMethod(Certificate.class, "verify", PublicKey.class)
        .check(CLASSES);
  }

  @Test
  void theTwoDirectionsOfAProxyDoNotKnowEachOther() {
    apart("io.signetmesh.proxy.inbound..", "io.signetmesh.proxy.outbound..");
  }

  @Test
  void theTwoVersionsOfHttpDoNotKnowEachOther() {
    apart("io.signetmesh.proxy.http.h1..", "io.signetmesh.proxy.http.h2..");
  }

  /** Who reads and writes HTTP does not decide, balance or dial. */
  @Test
  void whatCarriesRequestsDoesNotKnowWhoDecidesOnThem() {
    noClasses()
        .that(
            resideInAnyPackage(
                "io.signetmesh.proxy.http.exchange",
                "io.signetmesh.proxy.http.h1",
                "io.signetmesh.proxy.http.h2"))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                "io.signetmesh.proxy.http",
                "io.signetmesh.proxy.inbound",
                "io.signetmesh.proxy.outbound",
                "io.signetmesh.proxy.upstream",
                "io.signetmesh.proxy.policy",
                "io.signetmesh.proxy.authorize.compile"))
        .check(CLASSES);
  }

  /**
   * What sends requests and bytes sends them undecided: those who decide use it, and nobody else.
   */
  @Test
  void onlyWhoDecidesSendsRequestsAndBytes() {
    noClasses()
        .that(
            resideInAPackage("io.signetmesh..")
                .and(
                    DescribedPredicate.not(
                        resideInAnyPackage(
                            "io.signetmesh.proxy.http",
                            "io.signetmesh.proxy.http.h1",
                            "io.signetmesh.proxy.http.h2"))))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage("io.signetmesh.proxy.http.h1", "io.signetmesh.proxy.http.h2"))
        .check(CLASSES);
    noClasses()
        .that()
        .resideOutsideOfPackage("io.signetmesh.proxy.http")
        .should()
        .beAssignableTo(
            JavaClass.Predicates.assignableTo(Exchange.class)
                .and(DescribedPredicate.not(JavaClass.Predicates.equivalentTo(Exchange.class))))
        .check(CLASSES);
    noClasses()
        .that(
            DescribedPredicate.not(
                resideInAnyPackage(
                    "io.signetmesh.proxy.forward",
                    "io.signetmesh.proxy.inbound",
                    "io.signetmesh.proxy.outbound",
                    "io.signetmesh.proxy.http.h1")))
        .should()
        .dependOnClassesThat(JavaClass.Predicates.belongToAnyOf(TcpRelay.class))
        .check(CLASSES);
  }

  /** Decisions are asked of a policy, however it was compiled. */
  @Test
  void onlyWhoReceivesPoliciesCompilesThem() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.proxy.."))
        .and(
            DescribedPredicate.not(
                resideInAnyPackage(
                    "io.signetmesh.proxy",
                    "io.signetmesh.proxy.policy",
                    "io.signetmesh.proxy.authorize.compile")))
        .should()
        .dependOnClassesThat(resideInAPackage("io.signetmesh.proxy.authorize.compile"))
        .check(CLASSES);
  }

  @Test
  void theRegistryDoesNotKnowWhatIsCounted() {
    String registry = "io.signetmesh.proxy.metrics.registry";
    noClasses()
        .that(resideInAPackage(registry))
        .should()
        .dependOnClassesThat(OURS.and(DescribedPredicate.not(resideInAPackage(registry))))
        .check(CLASSES);
  }

  /**
   * A connection goes from one state to the next through its door, which looks at what is in force.
   */
  @ParameterizedTest
  @CsvSource({
    "io.signetmesh.proxy.inbound.ConnectionState, io.signetmesh.proxy.inbound.ConnectionLife",
    "io.signetmesh.proxy.outbound.OutboundState, io.signetmesh.proxy.outbound.OutboundLife"
  })
  void statesOfAConnectionKnowEachOtherOnlyThroughTheDoor(String list, String door) {
    classes()
        .that()
        .areAssignableTo(list)
        .and()
        .areNotInterfaces()
        .should(beKnownOnlyTo(list, door))
        .check(CLASSES);
  }

  private static ArchCondition<JavaClass> beKnownOnlyTo(String... users) {
    return new ArchCondition<>("be known only to " + List.of(users)) {
      @Override
      public void check(JavaClass known, ConditionEvents events) {
        for (Dependency use : known.getDirectDependenciesToSelf()) {
          String user = outermost(use.getOriginClass());
          if (!List.of(users).contains(user) && !user.equals(outermost(known))) {
            events.add(SimpleConditionEvent.violated(known, use.getDescription()));
          }
        }
      }
    };
  }

  private static String outermost(JavaClass nested) {
    String name = nested.getName();
    int end = name.indexOf('$');
    return end < 0 ? name : name.substring(0, end);
  }

  private static void apart(String one, String other) {
    noClasses()
        .that(resideInAPackage(one))
        .should()
        .dependOnClassesThat(resideInAPackage(other))
        .check(CLASSES);
    noClasses()
        .that(resideInAPackage(other))
        .should()
        .dependOnClassesThat(resideInAPackage(one))
        .check(CLASSES);
  }

  @Test
  void onlyTheClusterModuleSpeaksKubernetes() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        .and(DescribedPredicate.not(resideInAnyPackage(CLUSTER, CRDS)))
        .should()
        .dependOnClassesThat(resideInAnyPackage("io.fabric8.kubernetes.client.."))
        .check(CLASSES);
  }

  /** Its classes are many, and are loaded where records go to Kafka only. */
  @Test
  void onlyWhatSendsToKafkaUsesItsClient() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        .and()
        .doNotHaveFullyQualifiedName("io.signetmesh.collector.kafka.KafkaSender")
        .should()
        .dependOnClassesThat(resideInAnyPackage("org.apache.kafka.."))
        .check(CLASSES);
  }

  @Test
  void onlyTheCommandLineWritesToStandardStreams() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        .and(DescribedPredicate.not(resideInAPackage("io.signetmesh.cli..")))
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .orShould()
        .callMethod(Throwable.class, "printStackTrace")
        .check(CLASSES);
  }

  @Test
  void onlyTheControlPlaneUsesMicrometer() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        .and(
            DescribedPredicate.not(
                resideInAnyPackage(
                    ADMIN,
                    "io.signetmesh.identity.server..",
                    "io.signetmesh.identity.spiffe..",
                    "io.signetmesh.identity.federation..",
                    "io.signetmesh.rotation.server..",
                    "io.signetmesh.policy..",
                    "io.signetmesh.discovery..",
                    "io.signetmesh.collector.ingest..",
                    "io.signetmesh.collector.kafka..",
                    "io.signetmesh.collector.witness..",
                    "io.signetmesh.collector",
                    "io.signetmesh.cli.controlplane..")))
        .should()
        .dependOnClassesThat(resideInAnyPackage("io.micrometer.."))
        .check(CLASSES);
  }

  @Test
  void nobodyLogsThroughTheJdk() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        // Leads what libraries say there to where everything goes.
        .and()
        .doNotHaveFullyQualifiedName("io.signetmesh.cli.logging.PlatformLogging")
        .should()
        .dependOnClassesThat(resideInAPackage("java.util.logging.."))
        .check(CLASSES);
  }

  @Test
  void noClassIsNamedAfterNothing() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        // What JSSE calls a manager keeps JSSE's name.
        .and()
        .areNotAssignableTo(KeyManager.class)
        .and()
        .areNotAssignableTo(TrustManager.class)
        .should()
        .haveSimpleNameEndingWith("Manager")
        .orShould()
        .haveSimpleNameEndingWith("Util")
        .orShould()
        .haveSimpleNameEndingWith("Utils")
        .orShould()
        .haveSimpleNameEndingWith("Helper")
        .orShould()
        .resideInAnyPackage("..util..", "..impl..", "..common..")
        .check(CLASSES);
  }

  @Test
  void thePolicyModelIsTheOnlyPackageOfModels() {
    noClasses()
        .that(resideInAPackage("io.signetmesh.."))
        .and(DescribedPredicate.not(resideInAPackage(POLICY_MODEL)))
        .should()
        .resideInAPackage("..model..")
        .check(CLASSES);
  }

  /** The effective policy does not depend on what is said about it. */
  @Test
  void thePolicyIndexDoesNotKnowTheLinter() {
    noClasses()
        .that(
            resideInAnyPackage(
                POLICY_MODEL, "io.signetmesh.policy.effective..", "io.signetmesh.policy.index.."))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage("io.signetmesh.policy.lint..", "io.signetmesh.policy.suggest.."))
        .check(CLASSES);
  }

  @Test
  void theLinterRunsWithoutAServer() {
    noClasses()
        .that(resideInAnyPackage("io.signetmesh.policy.lint..", "io.signetmesh.policy.suggest.."))
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                "io.signetmesh.policy",
                "io.signetmesh.policy.stream..",
                "io.signetmesh.policy.admin.."))
        .check(CLASSES);
  }

  private static String own(String module) {
    return "io.signetmesh." + module + "..";
  }
}
