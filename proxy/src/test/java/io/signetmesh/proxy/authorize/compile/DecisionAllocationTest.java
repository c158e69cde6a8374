package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Requests are routed, decided on and tried without allocation. */
class DecisionAllocationTest {
  private static final int ROUNDS = 40;
  private static final long MEASURING = 64 * 1024;

  private final Random random = new Random(11);

  /** Without tokens: a denial for a token says what is wrong with it, and is made for it. */
  private final RandomPolicies generator = new RandomPolicies(random, false, false);

  private final List<ServerPolicy> policies = new ArrayList<>();
  private final List<Client> clients = new ArrayList<>();
  private final List<Exchange> requests = new ArrayList<>();
  private int allowed;

  @Test
  void routingDecidingAndTryingAllocatesNothing() throws Exception {
    PolicyCompiler compiler = new PolicyCompiler(true, System::nanoTime);
    while (policies.size() < 60) {
      Server message = withoutExpressions(generator.server(1));
      policies.add(compiler.compile(message));
    }
    for (int i = 0; i < 50; i++) {
      clients.add(generator.client());
      Request request = generator.request();
      // Paths with two readings are read twice, which takes room.
      String path = request.path().replaceAll("[;%].*", "").replaceAll("/(\\.*/)+", "/");
      requests.add(
          new Exchange(
              new Request(
                  request.method(),
                  path.replace('+', '-'),
                  i % 2 == 0 ? request.authority() : request.authority().toUpperCase(Locale.ROOT),
                  Map.copyOf(request.headers())),
              new ExpressionWork()));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    // Classes are loaded and initialized in the first round.
    decideAll();

    long before = threads.getThreadAllocatedBytes(thread);
    decideAll();
    long bytes = threads.getThreadAllocatedBytes(thread) - before;

    assertThat(allowed).isPositive();
    // Less than a byte for each decision; what is left is the measuring.
    assertThat(bytes).isLessThan(MEASURING);
  }

  private void decideAll() {
    for (int round = 0; round < ROUNDS; round++) {
      for (int p = 0; p < policies.size(); p++) {
        ServerPolicy policy = policies.get(p);
        for (int i = 0; i < requests.size(); i++) {
          Client client = clients.get(i);
          Exchange request = requests.get(i);
          request.expressions().reset();
          Route route = policy.route(request);
          Decision decision =
              route == null ? policy.decideConnection(client) : policy.decideRequest(client, route);
          Decision trial = policy.trialRequest(client, request);
          if (decision.allowed() || (trial != null && trial.allowed())) {
            allowed++;
          }
        }
      }
    }
  }

  /**
   * A request whose work on expressions is kept and reset, as a proxy's exchanges do. What is new
   * for each decision would be allocated by the test.
   */
  private record Exchange(Request request, ExpressionWork expressions)
      implements RequestAttributes {
    @Override
    public String method() {
      return request.method();
    }

    @Override
    public String path() {
      return request.path();
    }

    @Override
    public String authority() {
      return request.authority();
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return request.header(lowerCaseName);
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return request.repeats(lowerCaseName);
    }
  }

  /** The engine for expressions takes room for its work. */
  private static Server withoutExpressions(Server message) {
    Server.Builder server = message.toBuilder();
    if (server.hasSignetTrial()) {
      server.setSignetTrial(withoutExpressions(server.getSignetTrial()));
    }
    switch (message.getProtocol().getKindCase()) {
      case HTTP1 ->
          withoutExpressions(server.getProtocolBuilder().getHttp1Builder().getRoutesBuilderList());
      case HTTP2 ->
          withoutExpressions(server.getProtocolBuilder().getHttp2Builder().getRoutesBuilderList());
      case GRPC ->
          server
              .getProtocolBuilder()
              .getGrpcBuilder()
              .getRoutesBuilderList()
              .forEach(
                  route ->
                      route
                          .getRulesBuilderList()
                          .forEach(
                              rule ->
                                  rule.getMatchesBuilderList()
                                      .forEach(match -> match.clearHeaders())));
      default -> {}
    }
    return server.build();
  }

  private static void withoutExpressions(List<HttpRoute.Builder> routes) {
    for (HttpRoute.Builder route : routes) {
      for (HttpRoute.Rule.Builder rule : route.getRulesBuilderList()) {
        for (HttpRouteMatch.Builder match : rule.getMatchesBuilderList()) {
          if (match.getPath().hasRegex()) {
            match.clearPath();
          }
          match.getHeadersBuilderList().stream()
              .filter(header -> header.hasRegex())
              .forEach(header -> header.setRegex("1"));
          match.clearQueryParams();
        }
      }
    }
  }
}
