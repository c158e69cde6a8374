package io.signetmesh.bench.rego;

import io.linkerd.proxy.inbound.Authn;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Network;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.linkerd.proxy.meta.Resource;
import io.linkerd.proxy.net.IPAddress;
import io.linkerd.proxy.net.IPNetwork;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A decision by a plain authorization: a route of a method and a path, and one identity. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class PlainBenchmark {
  private static final String IDENTITY = "web.shop.serviceaccount.identity.signet.cluster.local";

  private final Client client = new Client(InetAddress.getLoopbackAddress(), true, IDENTITY);
  private final RequestAttributes request = new Get();
  private ServerPolicy policy = policy();

  private record Get() implements RequestAttributes {
    @Override
    public String method() {
      return "GET";
    }

    @Override
    public String path() {
      return "/orders/4711";
    }

    @Override
    public String authority() {
      return "orders.shop.svc.cluster.local:8080";
    }

    @Override
    public ExpressionWork expressions() {
      return new ExpressionWork();
    }

    @Override
    public @Nullable CharSequence header(CharSequence lowerCaseName) {
      return null;
    }

    @Override
    public boolean repeats(CharSequence lowerCaseName) {
      return false;
    }
  }

  /** Compiles the policy, and makes sure that it allows. */
  @Setup
  public void prepare() {
    policy = policy();
    Decision decision = decide();
    if (decision == null || !decision.allowed()) {
      throw new IllegalStateException("not allowed: " + decision);
    }
  }

  /** Finds the route and decides. */
  @Benchmark
  public @Nullable Decision decide() {
    Route route = policy.route(request);
    return route == null ? null : policy.decideRequest(client, route);
  }

  private static ServerPolicy policy() {
    Server.Builder server =
        Server.newBuilder()
            .putLabels("group", "policy.linkerd.io")
            .putLabels("kind", "server")
            .putLabels("name", "orders");
    ProxyProtocol.Detect.Builder detect = server.getProtocolBuilder().getDetectBuilder();
    detect.getTimeoutBuilder().setSeconds(10);
    HttpRoute.Builder route = detect.addHttpRoutesBuilder().setMetadata(resource("HTTPRoute"));
    route.addRulesBuilder().addMatchesBuilder().getPathBuilder().setPrefix("/orders/");
    Authn.Builder authentication = Authn.newBuilder();
    authentication
        .getMeshTLSBuilder()
        .getIdentitiesBuilder()
        .addIdentities(Identity.newBuilder().setName(IDENTITY));
    route.addAuthorizations(
        Authz.newBuilder()
            .setMetadata(resource("authorizationpolicy"))
            .addNetworks(
                Network.newBuilder()
                    .setNet(IPNetwork.newBuilder().setIp(IPAddress.newBuilder().setIpv4(0))))
            .setAuthentication(authentication));
    ServerPolicy policy = new PolicyCompiler(false, System::nanoTime).compile(server.build());
    if (policy.invalidity() != null) {
      throw new IllegalStateException("policy is not valid: " + policy.invalidity());
    }
    return policy;
  }

  private static Metadata resource(String kind) {
    return Metadata.newBuilder()
        .setResource(
            Resource.newBuilder()
                .setGroup("policy.linkerd.io")
                .setKind(kind)
                .setNamespace("shop")
                .setName("orders"))
        .build();
  }
}
