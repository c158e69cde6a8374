package io.signetmesh.policy.stream;

import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.keys.KeySetStatus;
import io.signetmesh.policy.keys.KeySets;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortEnforcement;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import io.signetmesh.v1.PortStatus;
import io.signetmesh.v1.UnknownKey;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code io.signetmesh.v1.PolicyEnforcement}: proxies report what they enforce, and operators query
 * it.
 */
public final class EnforcementService extends PolicyEnforcementGrpc.PolicyEnforcementImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(EnforcementService.class);
  private static final int MAX_REFUSAL = 1_024;
  private static final int MAX_UNKNOWN_KEYS = 16;
  private static final int MAX_KEY_ID = 256;

  /** Between two looks at what one stream says of unknown keys. */
  private static final long UNKNOWN_KEYS_NANOS = 1_000_000_000L;

  /** Proxies behind that the status of one object names; the others are counted. */
  static final int MAX_BEHIND = 50;

  /** Streams of reports of one workload at the same time, on all its connections. */
  static final int MAX_REPORT_STREAMS = 16;

  private final Map<ObjectRef, Integer> reporting = new ConcurrentHashMap<>();
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final EnforcementLedger ledger;
  private final Supplier<List<ReportedFinding>> findings;
  private final PortInspections inspections;
  private final KeySets keySets;

  /**
   * @param findings what is wrong with policy as it is written now, errors first
   * @param inspections answers what is asked about one port
   * @param keySets told of keys that tokens named and that are not known
   */
  public EnforcementService(
      IndexLinter linter,
      EnforcementLedger ledger,
      Supplier<List<ReportedFinding>> findings,
      PortInspections inspections,
      KeySets keySets) {
    this.keySets = keySets;
    this.index = linter.index();
    this.linter = linter;
    this.ledger = ledger;
    this.findings = findings;
    this.inspections = inspections;
  }

  @Override
  public StreamObserver<EnforcementReport> report(StreamObserver<EnforcementSummary> response) {
    return new Reports((ServerCallStreamObserver<EnforcementSummary>) response, Caller.current());
  }

  @Override
  public void status(EnforcementStatusRequest request, StreamObserver<EnforcementStatus> response) {
    answer(response, () -> status(request.getNamespace()));
  }

  @Override
  public void inspect(PortInspectionRequest request, StreamObserver<PortInspection> response) {
    answer(response, () -> inspections.inspect(request));
  }

  private <T> void answer(StreamObserver<T> response, Supplier<T> answer) {
    Caller caller = Caller.current();
    if (!mayAsk(caller)) {
      response.onError(
          Status.PERMISSION_DENIED
              .withDescription(
                  "caller is "
                      + caller
                      + ": expected an identity of namespace "
                      + index.config().controlPlaneNamespace())
              .asRuntimeException());
      return;
    }
    T message;
    try {
      message = answer.get();
    } catch (StatusRuntimeException e) {
      response.onError(e);
      return;
    }
    response.onNext(message);
    response.onCompleted();
  }

  /**
   * What all proxies have in force.
   *
   * @param namespace restricts the answer to workloads and objects of a namespace; empty = all
   */
  public EnforcementStatus status(String namespace) {
    EnforcementStatus.Builder status =
        EnforcementStatus.newBuilder().setCurrentGeneration(index.generation());
    for (PortEnforcementStatus port : ledger.portStatuses()) {
      if (namespace.isEmpty() || port.workload().namespace().equals(namespace)) {
        status.addPorts(encode(port));
      }
    }
    objects()
        .forEach(
            (source, object) -> {
              if (namespace.isEmpty() || source.object().namespace().equals(namespace)) {
                status.addObjects(object);
              }
            });
    for (KeySetStatus keys : keySets.statuses()) {
      if (namespace.isEmpty() || keys.authentication().namespace().equals(namespace)) {
        status.addKeySets(encode(keys));
      }
    }
    for (ReportedFinding finding : findings.get()) {
      if (namespace.isEmpty()
          || finding.namespace().isEmpty()
          || finding.namespace().equals(namespace)) {
        status.addFindings(finding.text());
        if (finding.isError()) {
          if (finding.rule().equals(ReportedFinding.INVALID_MANIFEST)) {
            status.setInvalidManifests(status.getInvalidManifests() + 1);
          } else {
            status.setPolicyErrors(status.getPolicyErrors() + 1);
          }
        }
      }
    }
    return status.build();
  }

  /** All policy objects, those that are in force nowhere too. */
  private Map<PolicySource, ObjectStatus> objects() {
    List<ObjectScope> all = linter.scopes();
    List<ObjectEnforcementStatus> statuses = ledger.objectStatuses();
    Map<PolicySource, ObjectStatus> objects = new TreeMap<>();
    statuses.forEach(status -> objects.put(status.source(), encode(status)));
    EnforcementLedger.nowhere(all, statuses)
        .forEach(nowhere -> objects.put(nowhere.source(), encode(nowhere)));
    return objects;
  }

  private static ObjectStatus encode(ObjectScope nowhere) {
    LintFinding.Rule rule = nowhere.rule();
    return status(nowhere.source())
        .setReach(
            nowhere.hasPorts()
                ? io.signetmesh.v1.ObjectReach.OBJECT_REACH_NO_PROXY
                : io.signetmesh.v1.ObjectReach.OBJECT_REACH_NO_PORT)
        .setReason(
            nowhere.hasPorts()
                ? "no connected proxy watches a port that it affects"
                : nowhere.reason())
        .setRule(rule == null ? "" : rule.text())
        .build();
  }

  private static ObjectStatus.Builder status(PolicySource source) {
    ObjectRef object = source.object();
    return ObjectStatus.newBuilder()
        .setObject(
            PolicyObject.newBuilder()
                .setGroup(object.kind().group())
                .setKind(object.kind().resourceKind())
                .setNamespace(object.namespace())
                .setName(object.name()))
        .setMode(source.mode().wireName());
  }

  private static ObjectStatus encode(ObjectEnforcementStatus object) {
    ObjectStatus.Builder status =
        status(object.source())
            .setReach(io.signetmesh.v1.ObjectReach.OBJECT_REACH_PROXIES)
            .setProxies(object.proxies())
            .setProxiesInForce(object.inForce())
            .setGeneration(object.generation());
    object.behind().stream()
        .limit(MAX_BEHIND)
        .forEach(workload -> status.addBehind(workload.namespace() + "/" + workload.name()));
    return status.build();
  }

  private boolean mayAsk(Caller caller) {
    return switch (caller) {
      case Caller.TrustedLocal local -> true;
      case Caller.Identified(var identity) ->
          identity.names().stream().anyMatch(name -> isOfControlPlane(name));
      case Caller.Unidentified none -> false;
    };
  }

  private boolean isOfControlPlane(String name) {
    String controlPlane = index.config().controlPlaneNamespace();
    try {
      WorkloadIdentity identity = WorkloadIdentity.parseDnsName(name);
      return identity.namespace().equals(controlPlane)
          && identity.controlPlaneNamespace().equals(controlPlane)
          && identity.trustDomain().equals(index.config().trustDomain());
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static PortStatus encode(PortEnforcementStatus port) {
    PortStatus.Builder status =
        PortStatus.newBuilder()
            .setNamespace(port.workload().namespace())
            .setName(port.workload().name())
            .setKind(port.workload().kind() == ObjectRef.Kind.POD ? "pod" : "external_workload")
            .setPort(port.port())
            .setServer(port.server())
            .setGeneration(port.generation())
            .setSentGeneration(port.sent())
            .setAcknowledgedGeneration(port.acknowledged())
            .setRefusal(port.refusal())
            .setConnected(port.connected())
            .setAcknowledges(port.acknowledges())
            .setInForce(port.inForce());
    Instant at = port.acknowledgedAt();
    if (at != null) {
      status.setAcknowledgedAt(timestamp(at));
    }
    return status.build();
  }

  private static io.signetmesh.v1.KeySetStatus encode(KeySetStatus keys) {
    io.signetmesh.v1.KeySetStatus.Builder status =
        io.signetmesh.v1.KeySetStatus.newBuilder()
            .setAuthentication(JwtModel.nameOf(keys.authentication()))
            .setLocation(keys.location().toString())
            .setState(keys.state().code())
            .setKeys(keys.keys())
            .addAllBadKeys(keys.badKeys())
            .setError(keys.error());
    if (keys.fetchedAt() != null) {
      status.setFetchedAt(timestamp(keys.fetchedAt()));
    }
    if (keys.expiresAt() != null) {
      status.setExpiresAt(timestamp(keys.expiresAt()));
    }
    if (keys.failingSince() != null) {
      status.setFailingSince(timestamp(keys.failingSince()));
    }
    return status.build();
  }

  private static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }

  /** The reports of one proxy. */
  private final class Reports implements StreamObserver<EnforcementReport> {
    private final ServerCallStreamObserver<EnforcementSummary> out;
    private final Caller caller;
    private @Nullable String wire;
    private @Nullable ObjectRef named;
    private long taken;
    private boolean ended;
    private boolean looked;
    private long lookedAt;

    Reports(ServerCallStreamObserver<EnforcementSummary> out, Caller caller) {
      this.out = out;
      this.caller = caller;
    }

    @Override
    public void onNext(EnforcementReport report) {
      if (ended) {
        return;
      }
      try {
        take(report);
        taken++;
      } catch (StatusRuntimeException e) {
        end();
        out.onError(e);
      }
    }

    private void end() {
      ended = true;
      ObjectRef ref = named;
      if (ref != null) {
        named = null;
        leave(ref);
      }
    }

    private void leave(ObjectRef ref) {
      reporting.computeIfPresent(ref, (_, streams) -> streams == 1 ? null : streams - 1);
    }

    private void take(EnforcementReport report) {
      ObjectRef ref = named;
      if (ref == null) {
        ref = WorkloadCalls.parse(report.getWorkload());
        WorkloadCalls.require(index, ref, caller);
        if (reporting.merge(ref, 1, Integer::sum) > MAX_REPORT_STREAMS) {
          leave(ref);
          throw Status.RESOURCE_EXHAUSTED
              .withDescription(ref + " has " + MAX_REPORT_STREAMS + " streams of reports already")
              .asRuntimeException();
        }
        wire = report.getWorkload();
        named = ref;
      } else if (!report.getWorkload().equals(wire)) {
        throw Status.INVALID_ARGUMENT
            .withDescription("a second workload on one stream of reports: expected one")
            .asRuntimeException();
      }
      // Looked up each time: the workload may have become someone else since.
      WorkloadCalls.require(index, ref, caller);
      report.getPortsList().forEach(port -> WorkloadCalls.requirePort(port.getPort()));
      String instance = WorkloadCalls.requireInstance(report.getInstance());
      for (PortEnforcement port : report.getPortsList()) {
        note(ref, instance, port);
      }
      if (report.getUnknownKeysCount() > 0) {
        unknownKeys(ref, report.getUnknownKeysList());
      }
    }

    /** Keys of authentications that no port of the workload refers to are passed over. */
    private void unknownKeys(ObjectRef workload, List<UnknownKey> unknown) {
      long now = System.nanoTime();
      if (looked && now - lookedAt < UNKNOWN_KEYS_NANOS) {
        return;
      }
      looked = true;
      lookedAt = now;
      Set<String> used = index.tokens(workload);
      unknown.stream()
          .limit(MAX_UNKNOWN_KEYS)
          .filter(key -> used.contains(key.getAuthentication()))
          .filter(key -> key.getKeyId().length() <= MAX_KEY_ID)
          .forEach(
              key -> keySets.unknownKey(JwtModel.refOf(key.getAuthentication()), key.getKeyId()));
    }

    private void note(ObjectRef workload, String instance, PortEnforcement port) {
      String refusal = readable(port.getRefusal());
      if (!refusal.isEmpty()) {
        LOG.error(
            "{} port {} does not put generation {} in force and refuses everything: {}",
            workload,
            port.getPort(),
            port.getGeneration(),
            refusal);
      }
      if (!ledger.acknowledged(workload, port.getPort(), instance, port.getGeneration(), refusal)) {
        throw Status.RESOURCE_EXHAUSTED
            .withDescription(
                workload
                    + " has reported "
                    + EnforcementLedger.MAX_PORTS_PER_WORKLOAD
                    + " ports already")
            .asRuntimeException();
      }
      if (index.workload(workload).isEmpty()) {
        ledger.forget(workload);
      }
    }

    private static String readable(String refusal) {
      String cut = refusal.length() > MAX_REFUSAL ? refusal.substring(0, MAX_REFUSAL) : refusal;
      return PlainText.of(cut);
    }

    @Override
    public void onError(Throwable error) {
      end();
    }

    @Override
    public void onCompleted() {
      if (!ended) {
        end();
        out.onNext(EnforcementSummary.newBuilder().setReports(taken).build());
        out.onCompleted();
      }
    }
  }
}
