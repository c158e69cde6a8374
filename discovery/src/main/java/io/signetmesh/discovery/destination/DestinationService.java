package io.signetmesh.discovery.destination;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.DestinationProfile;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.signetmesh.discovery.caller.CallerCheck;
import io.signetmesh.discovery.caller.CallerClaim;
import io.signetmesh.discovery.caller.NodeStreams;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.stream.Answer;
import io.signetmesh.discovery.stream.LiveValues;
import io.signetmesh.discovery.stream.NewestStateStream;
import io.signetmesh.discovery.topology.ObjectKey;
import io.signetmesh.discovery.topology.ResolvedService;
import io.signetmesh.discovery.topology.Topology;
import io.signetmesh.discovery.topology.TopologySource;
import io.signetmesh.identity.channel.Caller;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gRPC service {@code io.linkerd.proxy.destination.Destination}: endpoints of Services and
 * profiles of destinations.
 */
public final class DestinationService extends DestinationGrpc.DestinationImplBase
    implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DestinationService.class);

  private final DiscoveryConfig config;
  private final TopologySource topology;
  private final CallerCheck check;
  private final NodeStreams nodes;
  private final EndpointTranslator endpoints;
  private final UndeclaredPorts undeclared = new UndeclaredPorts();
  private final LiveValues<EndpointQuery, Answer<EndpointSet>> endpointSets;
  private final LiveValues<ProfileQuery, Answer<DestinationProfile>> profiles;

  /**
   * Creates the service.
   *
   * @param config settings
   * @param topology live state of the cluster
   */
  public DestinationService(DiscoveryConfig config, TopologySource topology) {
    this.config = config;
    this.topology = topology;
    this.check = new CallerCheck(config.controlPlaneNamespace(), config.trustDomain());
    this.nodes = new NodeStreams(check, topology);
    this.endpoints = new EndpointTranslator(config);
    ProfileTranslator translator = new ProfileTranslator(config, endpoints);
    this.endpointSets = new LiveValues<>(topology, this::endpointSet);
    this.profiles =
        new LiveValues<>(
            topology,
            (state, query, previous) -> translator.profile(state, query.target(), query.zone()));
  }

  @Override
  public void get(GetDestination request, StreamObserver<Update> client) {
    try {
      serveEndpoints(request, (ServerCallStreamObserver<Update>) client);
    } catch (StatusRuntimeException refused) {
      client.onError(refused);
    }
  }

  private void serveEndpoints(GetDestination request, ServerCallStreamObserver<Update> client) {
    CallerClaim claim = claim(request);
    CallerCheck.Client caller = check.verify(Caller.current(), claim, topology.current());
    if (!(parse(request) instanceof Authority.Name name)) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              "path \"" + request.getPath() + "\" is an address: expected the name of a service")
          .asRuntimeException();
    }
    ResolvedService service = topology.current().service(name.service());
    if (service == null) {
      throw Status.NOT_FOUND
          .withDescription("service " + name.service() + " does not exist")
          .asRuntimeException();
    }
    // Clients on different nodes see the same endpoints unless the service looks at nodes.
    String node = service.localTrafficOnly() ? caller.node() : "";
    EndpointQuery query = new EndpointQuery(name, node, caller.zone());
    NodeStreams.Registration permit = nodes.register(Caller.current(), claim);
    if (service.port(name.port()) != null) {
      NewestStateStream.serve(endpointSets, query, client, EndpointSet::updates, permit);
      return;
    }
    String who = permit.account();
    if (!undeclared.take(who, name)) {
      permit.over();
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              "port "
                  + name.port()
                  + " of service "
                  + name.service()
                  + " is not declared, and the caller asks for "
                  + UndeclaredPorts.MOST
                  + " such ports already: expected declared ports")
          .asRuntimeException();
    }
    permit.whenOver(() -> undeclared.give(who, name));
    NewestStateStream.serve(endpointSets, query, client, EndpointSet::updates, permit);
  }

  @Override
  public void getProfile(GetDestination request, StreamObserver<DestinationProfile> client) {
    ProfileQuery query;
    NodeStreams.Registration permit;
    try {
      CallerClaim claim = claim(request);
      CallerCheck.Client caller = check.verify(Caller.current(), claim, topology.current());
      query = new ProfileQuery(parse(request), caller.zone());
      permit = nodes.register(Caller.current(), claim);
    } catch (StatusRuntimeException refused) {
      client.onError(refused);
      return;
    }
    NewestStateStream.serve(
        profiles,
        query,
        (ServerCallStreamObserver<DestinationProfile>) client,
        (before, after) -> List.of(after),
        permit);
  }

  private Answer<EndpointSet> endpointSet(
      Topology state, EndpointQuery query, @Nullable Answer<EndpointSet> previous) {
    ObjectKey key = query.target().service();
    ResolvedService service = state.service(key);
    if (previous instanceof Answer.State<EndpointSet>(EndpointSet set)
        && Objects.equals(set.service(), service)) {
      return previous;
    }
    if (service == null) {
      // Asked for while it existed: its clients are told that it is gone, and hear when it is back.
      return new Answer.State<>(new EndpointSet(null, Map.of(), Map.of()));
    }
    if (service.externalName()) {
      return new Answer.End<>(
          Status.Code.INVALID_ARGUMENT,
          "service " + key + " is of type ExternalName: expected one with endpoints");
    }
    if (service.remoteCluster() != null) {
      return new Answer.End<>(
          Status.Code.NOT_FOUND,
          "service "
              + key
              + " is in cluster \""
              + service.remoteCluster()
              + "\", which is not linked");
    }
    return new Answer.State<>(
        endpoints.endpoints(
            service, query.target().port(), query.target().instance(), query.node(), query.zone()));
  }

  private static CallerClaim claim(GetDestination request) {
    CallerClaim claim = CallerClaim.ofContextToken(request.getContextToken());
    if (claim == null) {
      log.info(
          "context token of {} characters has neither form, taken as empty",
          request.getContextToken().length());
      return CallerClaim.NONE;
    }
    return claim;
  }

  private Authority parse(GetDestination request) {
    try {
      return Authority.parse(request.getPath(), config.clusterDomain());
    } catch (IllegalArgumentException e) {
      throw Status.INVALID_ARGUMENT
          .withDescription(e.getMessage())
          .withCause(e)
          .asRuntimeException();
    }
  }

  /** Stops following the topology. */
  @Override
  public void close() {
    nodes.close();
    endpointSets.close();
    profiles.close();
  }

  /** Number of queries that streams follow; for metrics and tests. */
  public int following() {
    return endpointSets.size() + profiles.size();
  }

  private record EndpointQuery(Authority.Name target, String node, String zone) {}

  private record ProfileQuery(Authority target, String zone) {}
}
