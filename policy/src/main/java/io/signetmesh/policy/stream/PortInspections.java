package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.policy.clients.ClientWorkloads;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.suggest.Suggestion;
import io.signetmesh.policy.suggest.TypoSuggestions;
import io.signetmesh.v1.ClientQuery;
import io.signetmesh.v1.ClientWorkload;
import io.signetmesh.v1.PolicyFinding;
import io.signetmesh.v1.PolicyObject;
import io.signetmesh.v1.PolicySuggestion;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** Shows the policy of one port and what is wrong with the objects behind it. */
public final class PortInspections {
  private final PolicyIndex index;
  private final IndexLinter linter;
  private final UnaryOperator<LintFinding> located;
  private final Supplier<ClusterView> view;

  /**
   * @param located gives a finding the place where it is written now
   * @param view the workloads now
   */
  public PortInspections(
      IndexLinter linter, UnaryOperator<LintFinding> located, Supplier<ClusterView> view) {
    this.index = linter.index();
    this.linter = linter;
    this.located = located;
    this.view = view;
  }

  /**
   * The policy of a port with all features and its generation, and the client asked for. Whether
   * the caller may ask is not looked at.
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
    Map<LintFinding, Suggestion> suggestions = TypoSuggestions.of(linter, workload, port);
    for (LintFinding finding : linter.findings(workload, port)) {
      PolicyFinding.Builder encoded = encode(located.apply(finding));
      Suggestion suggestion = suggestions.get(finding);
      if (suggestion != null) {
        encoded.setSuggestion(
            PolicySuggestion.newBuilder()
                .setMeant(PlainText.of(suggestion.meant()))
                .setServer(suggestion.policy().server()));
      }
      answer.addFindings(encoded);
    }
    if (request.hasClient()) {
      answer.setClient(client(request.getClient()));
    }
    return answer.build();
  }

  /** The workload that a client is; nothing set when there is none. */
  private ClientWorkload client(ClientQuery query) {
    ClientWorkloads workloads = new ClientWorkloads(view.get(), index::workload);
    ClientWorkload.Builder answer = ClientWorkload.newBuilder();
    Optional<io.signetmesh.policy.clients.ClientWorkload> found =
        switch (query.getByCase()) {
          case IDENTITY -> workloads.withIdentity(query.getIdentity());
          case IP -> workloads.at(address(query.getIp()));
          case BY_NOT_SET ->
              throw Status.INVALID_ARGUMENT
                  .withDescription("client: expected an identity or an ip")
                  .asRuntimeException();
        };
    found.ifPresent(
        client -> {
          answer.setWorkload(client.ref().toWire()).setIp(client.ip().getHostAddress());
          String identity = client.identity();
          if (identity != null) {
            answer.setIdentity(identity);
          }
        });
    return answer.build();
  }

  private static InetAddress address(String ip) {
    byte[] bytes = IpLiteral.parse(ip);
    try {
      if (bytes != null) {
        return InetAddress.getByAddress(bytes);
      }
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
    throw Status.INVALID_ARGUMENT
        .withDescription("client.ip: '" + PlainText.of(ip) + "' is no IP address")
        .asRuntimeException();
  }

  private static PolicyFinding.Builder encode(LintFinding finding) {
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
        .setMessage(finding.message());
  }
}
