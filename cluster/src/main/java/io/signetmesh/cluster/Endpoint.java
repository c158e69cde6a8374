package io.signetmesh.cluster;

import java.net.InetAddress;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One endpoint of a port of a Service.
 *
 * @param ip IP address
 * @param port port number, 1 to 65535
 * @param ready whether it can receive traffic
 * @param workload the Pod or ExternalWorkload with this address, if it is in the view
 * @param hostname host name of the endpoint in a headless Service; empty when it has none
 * @param nodeName node of the endpoint; empty when unknown
 * @param zone zone of the endpoint; empty when unknown
 * @param forZones zones in the endpoint's topology hints
 * @param sliceLabels labels of the EndpointSlice; empty if the endpoint comes from a selector
 * @param sliceAnnotations annotations of the EndpointSlice; empty if the endpoint comes from a
 *     selector
 */
public record Endpoint(
    InetAddress ip,
    int port,
    boolean ready,
    Optional<Workload> workload,
    String hostname,
    String nodeName,
    String zone,
    Set<String> forZones,
    Map<String, String> sliceLabels,
    Map<String, String> sliceAnnotations) {}
