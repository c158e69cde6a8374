package io.signetmesh.policy.stream;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.channel.send.SendTurn;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.policy.effective.PolicySource;
import io.signetmesh.policy.fetch.DocumentStatus;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.lint.ObjectScope;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.ObjectStatus;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import io.signetmesh.v1.PortStatus;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * {@code io.signetmesh.v1.PolicyEnforcement}: proxies report what they enforce, and operators query
 * it.
 */
public final class EnforcementService extends PolicyEnforcementGrpc.PolicyEnforcementImplBase {
  /** Proxies behind that the status of one object names; the others are counted. */
  static final int MAX_BEHIND = 50;

  private final WorkloadCalls calls;
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final EnforcementLedger ledger;
  private final Supplier<List<ReportedFinding>> findings;
  private final PortInspections inspections;
  private final Documents documents;
  private final ReportStream.Context reports;

  /**
   * @param findings what is wrong with policy as it is written now, errors first
   * @param inspections answers what is asked about one port
   * @param documents told of keys that tokens named and that are not known
   * @param executor ends streams of reports
   */
  public EnforcementService(
      IndexLinter linter,
      EnforcementLedger ledger,
      Supplier<List<ReportedFinding>> findings,
      PortInspections inspections,
      Documents documents,
      Executor executor) {
    this.documents = documents;
    this.index = linter.index();
    this.calls = new WorkloadCalls(index);
    this.linter = linter;
    this.ledger = ledger;
    this.findings = findings;
    this.inspections = inspections;
    this.reports = new ReportStream.Context(index, calls, ledger, documents, executor);
  }

  @Override
  public StreamObserver<EnforcementReport> report(StreamObserver<EnforcementSummary> response) {
    return new ReportStream(
        reports, (ServerCallStreamObserver<EnforcementSummary>) response, Caller.current());
  }

  @Override
  public void status(EnforcementStatusRequest request, StreamObserver<EnforcementStatus> response) {
    answer(response, () -> status(request.getNamespace()));
  }

  @Override
  public void inspect(PortInspectionRequest request, StreamObserver<PortInspection> response) {
    answer(response, () -> inspections.inspect(request));
  }

  private <T extends MessageLite> void answer(StreamObserver<T> response, Supplier<T> answer) {
    Caller caller = Caller.current();
    if (!mayAsk(caller)) {
      response.onError(
          Status.PERMISSION_DENIED
              .withDescription(
                  "caller is "
                      + caller
                      + ": expected an identity of namespace "
                      + index.config().controlPlaneNamespace()
                      + " that is no node's")
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
    SendTurn.answer((ServerCallStreamObserver<T>) response, message);
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
    for (DocumentStatus keys : documents.statuses(ObjectRef.Kind.JWT_AUTHENTICATION)) {
      if (namespace.isEmpty() || keys.authentication().namespace().equals(namespace)) {
        status.addKeySets(DocumentMessages.keySet(keys));
      }
    }
    for (DocumentStatus bundle : documents.statuses(ObjectRef.Kind.REGO_AUTHENTICATION)) {
      if (namespace.isEmpty() || bundle.authentication().namespace().equals(namespace)) {
        status.addBundles(DocumentMessages.bundle(bundle));
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
          !calls.isNode(caller)
              && identity.names().stream().anyMatch(name -> isOfControlPlane(name));
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

  static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }
}
