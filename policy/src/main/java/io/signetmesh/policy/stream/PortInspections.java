package io.signetmesh.policy.stream;

import io.grpc.StatusRuntimeException;
import io.signetmesh.policy.facts.ObjectRef;
import io.signetmesh.policy.index.EffectivePolicy;
import io.signetmesh.policy.index.Finding;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import java.util.Locale;
import java.util.function.UnaryOperator;

/** Shows the policy of one port and what is wrong with the objects behind it. */
public final class PortInspections {
  private final PolicyIndex index;
  private final UnaryOperator<Finding> located;

  /**
   * @param located gives a finding the place where it is written now
   */
  public PortInspections(PolicyIndex index, UnaryOperator<Finding> located) {
    this.index = index;
    this.located = located;
  }

  /**
   * The policy of a port with all features and its generation. Whether the caller may ask is not
   * looked at.
   *
   * @throws StatusRuntimeException INVALID_ARGUMENT when the request cannot be read, NOT_FOUND when
   *     there is no such workload
   */
  public PortInspection inspect(PortInspectionRequest request) {
    int port = WorkloadCalls.requirePort(request.getPort());
    ObjectRef workload = WorkloadCalls.parse(request.getWorkload());
    EffectivePolicy policy =
        index.policy(workload, port).orElseThrow(() -> WorkloadCalls.notFound(workload));
    PortInspection.Builder answer = PortInspection.newBuilder().setServer(policy.stamped());
    for (Finding finding : index.findings(workload, port)) {
      answer.addFindings(encode(located.apply(finding)));
    }
    return answer.build();
  }

  private static PolicyFinding encode(Finding finding) {
    ObjectRef object = finding.object();
    return PolicyFinding.newBuilder()
        .setSeverity(finding.severity().name().toLowerCase(Locale.ROOT))
        .setRule(finding.rule().text())
        .setObject(
            PolicyObject.newBuilder()
                .setGroup(object.kind().group())
                .setKind(object.kind().resourceKind())
                .setNamespace(object.namespace())
                .setName(object.name()))
        .setOrigin(finding.origin())
        .setField(finding.field())
        .setMessage(finding.message())
        .build();
  }
}
