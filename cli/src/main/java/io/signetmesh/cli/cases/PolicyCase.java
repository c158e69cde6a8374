package io.signetmesh.cli.cases;

import com.fasterxml.jackson.annotation.JsonValue;
import io.signetmesh.cli.simulate.Call;
import io.signetmesh.cli.simulate.CallProtocol;
import io.signetmesh.crds.schema.AtLeastOneOf;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One policy test, as case files hold it (docs/policy-testing.md).
 *
 * @param name what is tested; unique in its file
 * @param workload workload that is called: {@code namespace/pod}
 * @param port port that is called
 * @param client who calls; by default a client without mesh TLS
 * @param request what for; by default whatever the port expects
 * @param before calls made just before at the same moment, in this order
 * @param repeat calls made at the same moment, of which the last one counts
 * @param expect what has to come of it
 */
public record PolicyCase(
    @Required @Length(min = 1, max = 500) String name,
    @Required @Length(min = 1, max = 400) String workload,
    @Required @Range(min = 1, max = 65_535) int port,
    @Nullable ClientCase client,
    @Nullable RequestCase request,
    @Items(min = 1, max = 100) List<CallCase> before,
    @Range(min = 1, max = 100_000) @Nullable Integer repeat,
    @Required Expectation expect) {
  /** Calls before that are not given are none. */
  public PolicyCase {
    before = before == null ? List.of() : List.copyOf(before);
  }

  /**
   * Calls of one client for one thing. Before those that are tested they are for what calls leave
   * behind, which is what they took from rate limits.
   *
   * @param client who calls; by default that of the case
   * @param request what for; by default that of the case
   * @param repeat calls made at the same moment, of which the last one counts
   * @param expect what has to come of it; by default that is not looked at
   */
  public record CallCase(
      @Nullable ClientCase client,
      @Nullable RequestCase request,
      @Range(min = 1, max = 100_000) @Nullable Integer repeat,
      @Nullable Expectation expect) {
    /** Who calls, also where nothing is said of it. */
    ClientCase caller() {
      return client == null ? ClientCase.STRANGER : client;
    }

    /** What is asked for. */
    Call call() {
      return request == null ? Call.DEFAULT : request.call();
    }

    /** How often. */
    int times() {
      return repeat == null ? 1 : repeat;
    }
  }

  /**
   * Who calls.
   *
   * @param identity identity in its certificate, or {@code namespace/account}
   * @param ip address that it calls from
   * @param tls whether it comes with mesh TLS; by default when it has an identity
   */
  public record ClientCase(
      @Nullable String identity, @Text(TextFormat.IP) @Nullable String ip, @Nullable Boolean tls) {
    /** A client of which nothing is known. */
    static final ClientCase STRANGER = new ClientCase(null, null, null);
  }

  /**
   * A request.
   *
   * @param protocol what is spoken; by default what the port expects
   * @param method method; by default GET, for gRPC POST
   * @param path path with query as sent; by default {@code /}
   * @param host host; by default the name of the workload
   * @param headers further headers
   */
  public record RequestCase(
      @Nullable CallProtocol protocol,
      @Text(TextFormat.HTTP_TOKEN) @Nullable String method,
      @Nullable String path,
      @Nullable String host,
      Map<String, String> headers) {
    /** Headers that are not given are none. */
    public RequestCase {
      headers = headers == null ? Map.of() : new LinkedHashMap<>(headers);
    }

    /** The call that is asked about. */
    public Call call() {
      return new Call(
          protocol,
          method,
          path,
          host,
          headers.entrySet().stream()
              .map(entry -> new Call.Header(entry.getKey(), entry.getValue()))
              .toList());
    }
  }

  /**
   * What has to come of a call; only what is stated is compared.
   *
   * @param verdict allow or deny
   * @param status HTTP status that the client gets; 200 for what reaches the application
   * @param grpcStatus gRPC status that the proxy answers with
   * @param authorization the authorization or denial that decides, or on a refusal the one that
   *     came nearest: {@code group/kind/name}, or the end of that; {@code none} for none
   * @param reason reason code
   * @param route route taken, spelled as {@code authorization}
   * @param location where a redirect leads; {@code none} for what is no redirect
   * @param mode enforce, or audit when only the audit access policy lets it through
   * @param trial dry-run verdict if everything in audit mode were in force; {@code none} when
   *     nothing in audit mode affects the call
   */
  @AtLeastOneOf({
    "verdict",
    "status",
    "grpcStatus",
    "authorization",
    "reason",
    "route",
    "location",
    "mode",
    "trial"
  })
  public record Expectation(
      @Nullable Verdict verdict,
      @Range(min = 100, max = 599) @Nullable Integer status,
      @Range(min = 0, max = 16) @Nullable Integer grpcStatus,
      @Length(min = 1, max = 600) @Nullable String authorization,
      @Length(min = 1, max = 100) @Nullable String reason,
      @Length(min = 1, max = 600) @Nullable String route,
      @Length(min = 1, max = 8192) @Nullable String location,
      @Length(min = 1, max = 20) @Nullable String mode,
      @Nullable DryRunVerdict trial) {}

  /** Verdict of a call. */
  public enum Verdict {
    /** It goes through. */
    ALLOW("allow"),
    /** It is refused. */
    DENY("deny");

    private final String wireName;

    Verdict(String wireName) {
      this.wireName = wireName;
    }

    /** Spelling in case files. */
    @JsonValue
    public String wireName() {
      return wireName;
    }
  }

  /** The dry-run verdict. */
  public enum DryRunVerdict {
    /** It would go through. */
    ALLOW("allow"),
    /** It would be refused. */
    DENY("deny"),
    /** Nothing in mode audit affects the port. */
    NONE("none");

    private final String wireName;

    DryRunVerdict(String wireName) {
      this.wireName = wireName;
    }

    /** Spelling in case files. */
    @JsonValue
    public String wireName() {
      return wireName;
    }
  }

  /** All its calls in order; the last ones are those that are tested. */
  public List<CallCase> calls() {
    List<CallCase> calls = new ArrayList<>();
    for (CallCase one : before) {
      calls.add(
          new CallCase(
              one.client() == null ? client : one.client(),
              one.request() == null ? request : one.request(),
              one.repeat(),
              one.expect()));
    }
    calls.add(new CallCase(client, request, repeat, expect));
    return calls;
  }
}
