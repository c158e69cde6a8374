package io.signetmesh.cluster;

import java.net.InetAddress;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One address behind a service port.
 *
 * @param ip address
 * @param port port number
 * @param ready whether it takes traffic
 * @param workload the pod or external workload behind it, when it is in the view
 * @param hostname name of the endpoint within a headless service; empty when it has none
 * @param nodeName node of the endpoint; empty when unknown
 * @param zone zone of the endpoint; empty when unknown
 * @param forZones zones that the endpoint is hinted for
 * @param sliceLabels labels of the EndpointSlice; empty for endpoints that were worked out from a
 *     selector
 * @param sliceAnnotations annotations of the EndpointSlice, likewise
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
