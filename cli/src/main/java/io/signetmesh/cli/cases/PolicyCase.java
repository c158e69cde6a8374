package io.signetmesh.cli.cases;

import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.TextInput;
import io.signetmesh.cli.simulate.Call;
import io.signetmesh.cli.simulate.CallProtocol;
import io.signetmesh.cli.simulate.CallToken;
import io.signetmesh.crds.schema.AtLeastOneOf;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One policy test of a case file (docs/policy-testing.md).
 *
 * @param name what the case tests; unique in its file; 1 to 500 characters
 * @param workload called workload: {@code namespace/pod}
 * @param port called port, 1 to 65535
 * @param client the caller; null means a client without mesh TLS
 * @param request the request; null means whatever the port expects
 * @param before calls made earlier in the same instant, in this order; they can use up rate limits
 * @param repeat number of calls in the same instant, of which the last is compared, 1 to 100,000;
 *     null means 1
 * @param at time of all calls, RFC 3339; null means now
 * @param keys JWK set files by {@code namespace/name} of the JWTAuthentication whose keys a
 *     controller would fetch, relative to the case file
 * @param expect the expected result
 */
public record PolicyCase(
    @Required @Length(min = 1, max = 500) String name,
    @Required @Length(min = 1, max = 400) String workload,
    @Required @Range(min = 1, max = 65_535) int port,
    @Nullable ClientCase client,
    @Nullable RequestCase request,
    @Items(min = 1, max = 100) List<CallCase> before,
    @Range(min = 1, max = 100_000) @Nullable Integer repeat,
    @Length(min = 1, max = 64) @Nullable String at,
    Map<String, String> keys,
    @Required Expectation expect) {
  /** Copies the collections; null becomes an empty one. */
  public PolicyCase {
    before = before == null ? List.of() : List.copyOf(before);
    keys = keys == null ? Map.of() : new TreeMap<>(keys);
  }

  /**
   * A call, made once or several times. In {@code before} it prepares the state for the tested
   * call: it takes from rate limits.
   *
   * @param client the caller; null means that of the case
   * @param request the request; null means that of the case
   * @param repeat number of calls in the same instant, of which the last is compared, 1 to 100,000;
   *     null means 1
   * @param expect the expected result; null means that it is not compared
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

    /**
     * What is asked for.
     *
     * @param directory directory of the case file
     * @throws IllegalArgumentException when the token cannot be read
     */
    Call call(Path directory) {
      return request == null ? Call.DEFAULT : request.call(directory);
    }

    /** How often. */
    int times() {
      return repeat == null ? 1 : repeat;
    }
  }

  /**
   * The caller.
   *
   * @param identity identity in the client's certificate, or {@code namespace/account}; null
   *     without one
   * @param ip address of the client
   * @param tls whether the client uses mesh TLS; null means that it does if it has an identity
   */
  public record ClientCase(
      @Nullable String identity, @Text(TextFormat.IP) @Nullable String ip, @Nullable Boolean tls) {
    /** A client of which nothing is known. */
    static final ClientCase STRANGER = new ClientCase(null, null, null);
  }

  /**
   * A request.
   *
   * @param protocol protocol; null means the one that the port expects
   * @param method HTTP method; null means GET, or POST for gRPC
   * @param path path and query, as the client sends them; null means {@code /}
   * @param host host; null means the name of the workload
   * @param headers additional headers
   * @param token token that the request carries; at most one of this and the next two
   * @param tokenFile file with the token, relative to the case file
   * @param claims claims of the token, taken as signed by their issuer
   * @param tokenHeader header of the token with these claims; null means that none is checked
   */
  public record RequestCase(
      @Nullable CallProtocol protocol,
      @Text(TextFormat.HTTP_TOKEN) @Nullable String method,
      @Nullable String path,
      @Nullable String host,
      Map<String, String> headers,
      @Length(min = 1, max = 32_768) @Nullable String token,
      @Length(min = 1, max = 4_096) @Nullable String tokenFile,
      @Nullable Map<String, JsonNode> claims,
      @Nullable Map<String, JsonNode> tokenHeader) {
    /** Copies the maps; no headers become an empty map. */
    public RequestCase {
      headers = headers == null ? Map.of() : new LinkedHashMap<>(headers);
      claims = claims == null ? null : new LinkedHashMap<>(claims);
      tokenHeader = tokenHeader == null ? null : new LinkedHashMap<>(tokenHeader);
    }

    /** What excludes each other; null when it is as it should be. */
    @Nullable String problem() {
      long given = Stream.of(token, tokenFile, claims).filter(Objects::nonNull).count();
      if (given > 1) {
        return "token, tokenFile and claims exclude each other";
      }
      return tokenHeader != null && claims == null ? "tokenHeader is for claims" : null;
    }

    /**
     * The token of the request.
     *
     * @param directory directory of the case file
     * @return null for none
     * @throws IllegalArgumentException when the token cannot be read
     */
    public @Nullable CallToken sent(Path directory) {
      if (token != null) {
        return new CallToken.Text(token);
      }
      if (tokenFile != null) {
        try {
          return new CallToken.Text(TextInput.read(directory.resolve(tokenFile).toString()));
        } catch (CommandFailure e) {
          throw new IllegalArgumentException("tokenFile " + e.getMessage(), e);
        }
      }
      return claims == null
          ? null
          : new CallToken.Claims(tokenHeader == null ? null : object(tokenHeader), object(claims));
    }

    private static ObjectNode object(Map<String, JsonNode> members) {
      ObjectNode object = JsonNodeFactory.instance.objectNode();
      object.setAll(members);
      return object;
    }

    /**
     * The request as a {@link Call}.
     *
     * @param directory directory of the case file
     * @throws IllegalArgumentException when the token cannot be read
     */
    public Call call(Path directory) {
      return new Call(
          protocol,
          method,
          path,
          host,
          headers.entrySet().stream()
              .map(entry -> new Call.Header(entry.getKey(), entry.getValue()))
              .toList(),
          sent(directory),
          null);
    }
  }

  /**
   * The expected result of a call. Null fields are not compared.
   *
   * @param verdict allow or deny
   * @param status HTTP status that the client gets; 200 for a request that the application answers
   * @param grpcStatus gRPC status that the proxy answers with (0 to 16)
   * @param authorization the authorization or DenyPolicy that decides, or, on a denial, the
   *     authorization that came nearest: {@code group/kind/name} or the end of it; {@code none} for
   *     none
   * @param reason reason code (docs/security/audit-format.md)
   * @param route matched route, in the form of {@code authorization}
   * @param location target of a redirect; {@code none} if it is not a redirect
   * @param mode {@code enforce}, or {@code audit} when only the access policy {@code audit} allows
   *     the call
   * @param trial dry-run verdict: what the verdict would be if everything in audit mode were
   *     enforced; {@code none} when nothing in audit mode affects the call
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
    /** The call is allowed. */
    ALLOW("allow"),
    /** The call is denied. */
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

  /** Verdict of a dry run. */
  public enum DryRunVerdict {
    /** The call would be allowed. */
    ALLOW("allow"),
    /** The call would be denied. */
    DENY("deny"),
    /** Nothing in audit mode affects the port. */
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

  /** All calls of the case in order. The last one is the tested one. */
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
