package io.signetmesh.cli.simulate;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RefusalStatus;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.RequestSyntax;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.detect.HttpSniffer;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One port of a workload. The message that its proxy receives is compiled as in the proxy, and
 * consulted in the same order.
 *
 * <p>Each call to {@code ask} finds all rate limits full. Clients from 127.0.0.1 are decided like
 * all others, as on a host without redirection. Not thread-safe.
 */
public final class SimulatedPort {
  private static final int FORWARDED = 200;
  private static final int NONE = -1;

  /** More than the second after which rate limits are full again. */
  private static final long REFILL_NANOS = 10_000_000_000L;

  private final Server message;
  private final ServerPolicy policy;
  private final String host;
  private final int port;

  /** Time of the rate limits in nanoseconds; it stands still while a question is answered. */
  private long moment;

  private final InstantSource clock = InstantSource.system();
  private CallProofs proofs;

  /**
   * Creates a port.
   *
   * @param message policy of the port, with all features and with its generation
   * @param host host of requests that name none
   * @param port its number
   */
  public SimulatedPort(Server message, String host, int port) {
    this.message = message;
    this.policy = new PolicyCompiler(false, () -> moment).compile(message);
    this.host = host;
    this.port = port;
    this.proofs = new CallProofs(Instant.EPOCH, port);
  }

  /** The message that the proxy receives. */
  public Server message() {
    return message;
  }

  /** The compiled policy. */
  public ServerPolicy policy() {
    return policy;
  }

  /** The same port under another policy. */
  SimulatedPort under(Server other) {
    return new SimulatedPort(other, host, port);
  }

  /** What the proxy would do with a call, as the first one. */
  public Answer ask(Caller caller, Call call) {
    return ask(List.of(new Calls(caller, call, 1))).getFirst();
  }

  /**
   * What the proxy would do with calls in the same instant, one after the other. The instant is the
   * one that the first call names, or now.
   *
   * @return one answer per element, for the last of its calls
   */
  public List<Answer> ask(List<Calls> calls) {
    moment += REFILL_NANOS;
    Instant time = calls.isEmpty() ? null : calls.getFirst().call().at();
    proofs = new CallProofs(time == null ? clock.instant() : time, port);
    return calls.stream().map(one -> ask(one.caller(), one.call(), one.times())).toList();
  }

  /**
   * A call, made once or several times.
   *
   * @param caller the client
   * @param call the call
   * @param times number of calls, at least 1
   */
  public record Calls(Caller caller, Call call, int times) {}

  private Answer ask(Caller caller, Call call, int times) {
    CallProtocol protocol = protocol(call);
    Asked asked = new Asked(caller, protocol);
    return switch (policy.protocol()) {
      case OPAQUE, TLS -> asked.connection();
      case DETECT -> isDetected(protocol, call) ? asked.request(call, times) : asked.connection();
      case HTTP1 ->
          switch (protocol) {
            case HTTP1 -> asked.request(call, times);
            // Only between proxies it is looked for.
            case HTTP2, GRPC ->
                caller.tls()
                    ? asked.request(call, times)
                    : asked.otherProtocol(RefusalStatus.BAD_REQUEST.http());
            case TCP -> asked.otherProtocol(RefusalStatus.BAD_REQUEST.http());
            case TLS -> asked.otherProtocol(caller.tls() ? RefusalStatus.BAD_REQUEST.http() : 0);
          };
      case HTTP2, GRPC ->
          protocol == CallProtocol.HTTP2 || protocol == CallProtocol.GRPC
              ? asked.request(call, times)
              : asked.otherProtocol(0);
    };
  }

  /** Detection looks at the first line: what it does not know is a connection like any other. */
  private static boolean isDetected(CallProtocol protocol, Call call) {
    return protocol == CallProtocol.HTTP1
        ? HttpSniffer.isHttp1(
            Objects.requireNonNullElse(call.method(), "GET"),
            Objects.requireNonNullElse(call.path(), "/"))
        : protocol.isHttp();
  }

  private CallProtocol protocol(Call call) {
    CallProtocol said = call.protocol();
    if (said != null) {
      return said;
    }
    return switch (policy.protocol()) {
      case GRPC -> CallProtocol.GRPC;
      case HTTP2 -> CallProtocol.HTTP2;
      case OPAQUE -> call.saysRequest() ? CallProtocol.HTTP1 : CallProtocol.TCP;
      case TLS -> call.saysRequest() ? CallProtocol.HTTP1 : CallProtocol.TLS;
      case DETECT, HTTP1 -> CallProtocol.HTTP1;
    };
  }

  /** A call being decided about. */
  private final class Asked {
    private final Caller caller;
    private final CallProtocol protocol;
    private Client client;

    /** The token where the call asks for one, so that it is shown nowhere; null for none. */
    private @Nullable String token;

    Asked(Caller caller, CallProtocol protocol) {
      this.caller = caller;
      this.protocol = protocol;
      // TLS of the application's own is passed through: the proxy sees no identity in it.
      this.client =
          caller.tls()
              ? Client.ofMeshTls(
                  caller.ip(),
                  caller.identity() == null ? List.of() : List.of(caller.identity()),
                  caller.certificate())
              : new Client(caller.ip(), false, null);
    }

    Answer connection() {
      Explanation explanation = policy.explain(client, null);
      Decision decision = explanation.decision();
      int status = decision.allowed() && protocol.isHttp() ? FORWARDED : 0;
      return answer(null, decision, null, status, NONE, explanation);
    }

    Answer otherProtocol(int status) {
      return answer(null, refusal(Reason.PROTOCOL_ERROR), null, status, NONE, null);
    }

    Answer request(Call asked, int times) {
      CallToken carried = asked.token();
      Call call = asked;
      if (carried != null) {
        token = proofs.text(carried, caller);
        call = asked.carrying(token);
      }
      RequestHead head = RequestHead.of(call, protocol, host);
      RequestHead sent = head;
      if (head.flaw() != null) {
        Decision refusal = refusal(Reason.PROTOCOL_ERROR, head.flaw());
        return protocol == CallProtocol.HTTP1
            ? refused(head.request(), refusal, null)
            // Its stream is reset.
            : answer(head.request(), refusal, null, 0, NONE, null);
      }
      if (!RequestPath.isTarget(head.path())) {
        return refused(head.request(), unsafe(head), null);
      }
      if (policy.matchesPaths()) {
        CharSequence normal = RequestPath.normalize(head.path());
        if (normal == null) {
          return refused(head.request(), unsafe(head), null);
        }
        head = head.withPath(normal.toString());
      }
      if (policy.matchesMethods() && RequestMethod.isMisspelt(head.method())) {
        Decision refusal = refusal(Reason.PROTOCOL_ERROR, RequestMethod.MISSPELT);
        return refused(head.request(), refusal, null);
      }
      if (!head.countsForwards()) {
        Decision refusal = refusal(Reason.PROTOCOL_ERROR, RequestSyntax.NO_FORWARDS);
        return refused(head.request(), refusal, null);
      }
      Answer.Request request = head.request();
      Route route = policy.route(head);
      CallProofs.Proven proven =
          route == null
              ? CallProofs.Proven.NOTHING
              : proofs.prove(policy, client, route, sent, head);
      // What is asked for the dry run as well decides nothing else.
      Explanation explanation = policy.explain(client.with(proven.trial()), head);
      client = client.with(proven.enforced());
      Decision decision = explanation.decision();
      if (route == null) {
        return refused(request, decision, explanation);
      }
      // What the proxy answers itself takes nothing from a rate limit.
      Decision taken = decision;
      for (int i = 0; i < times && decision.allowed() && isForwarded(route); i++) {
        taken = policy.decideRequest(client, route);
      }
      if (decision.allowed() && !taken.allowed()) {
        return refused(request, taken, explanation);
      }
      if (!decision.allowed()) {
        return refused(request, decision, explanation);
      }
      String authority = request.host();
      for (Route.Filter filter : route.filters()) {
        switch (filter) {
          case Route.Filter.RequestHeaders change -> authority = authority(change, authority);
          case Route.Filter.Redirect redirect when protocol == CallProtocol.GRPC -> {
            return failed(request, decision, route, RefusalStatus.NO_ROUTE, explanation);
          }
          case Route.Filter.Redirect redirect -> {
            String location = redirect.location(request.path(), authority);
            return answer(request, decision, route, redirect.status(), NONE, location, explanation);
          }
          case Route.Filter.Fail fail -> {
            return failed(request, decision, route, RefusalStatus.FILTER_FAILED, explanation);
          }
        }
      }
      return answer(request, decision, route, FORWARDED, NONE, explanation);
    }

    /** The host of a request after a change of its headers. */
    private static String authority(Route.Filter.RequestHeaders change, String before) {
      String after = before;
      for (Route.Filter.Header header : change.set()) {
        after = header.name().equals("host") ? header.value() : after;
      }
      return after;
    }

    private static boolean isForwarded(Route route) {
      return route.filters().stream().allMatch(Route.Filter.RequestHeaders.class::isInstance);
    }

    private Answer refused(
        Answer.@Nullable Request request, Decision decision, @Nullable Explanation explanation) {
      return failed(
          request,
          decision,
          explanation == null ? null : explanation.route(),
          RefusalStatus.of(decision.reason()),
          explanation);
    }

    /** An answer of the proxy itself, which gRPC clients get as the status of a call. */
    private Answer failed(
        Answer.@Nullable Request request,
        Decision decision,
        @Nullable Route route,
        RefusalStatus status,
        @Nullable Explanation explanation) {
      return protocol == CallProtocol.GRPC
          ? answer(request, decision, route, FORWARDED, status.grpc(), explanation)
          : answer(request, decision, route, status.http(), NONE, explanation);
    }

    private Answer answer(
        Answer.@Nullable Request request,
        Decision decision,
        @Nullable Route route,
        int status,
        int grpcStatus,
        @Nullable Explanation explanation) {
      return answer(request, decision, route, status, grpcStatus, null, explanation);
    }

    private Answer answer(
        Answer.@Nullable Request request,
        Decision decision,
        @Nullable Route route,
        int status,
        int grpcStatus,
        @Nullable String location,
        @Nullable Explanation explanation) {
      return new Answer(
          policy.server(),
          caller,
          protocol,
          request == null
              ? null
              : new Answer.Request(request.method(), hidden(request.path()), request.host()),
          decision,
          route == null ? null : route.ref(),
          status,
          grpcStatus,
          location == null ? null : hidden(location),
          policy.generation(),
          explanation,
          Objects.requireNonNullElse(client.proofs(), RequestProofs.NONE));
    }

    private String hidden(String text) {
      return token == null || token.isEmpty() ? text : text.replace(token, CallToken.PLACE);
    }

    private Decision refusal(Reason reason) {
      return refusal(reason, null);
    }

    private Decision refusal(Reason reason, @Nullable String detail) {
      return new Decision(
          false, reason, null, null, detail, Decision.Mode.ENFORCE, policy.generation());
    }

    private Decision unsafe(RequestHead head) {
      return refusal(Reason.UNSAFE_PATH, RequestPath.refusal(head.path()));
    }
  }
}
