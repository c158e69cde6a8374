package io.signetmesh.bench.rotation;

import java.time.Instant;

/**
 * What a server and its proxies have used and sent up to a time.
 *
 * @param at the time
 * @param cpuSeconds CPU time of the server
 * @param rssMegabytes resident memory of the server
 * @param heapMegabytes heap that the server uses, with what its next collection frees
 * @param bundles trust bundle messages that proxies have received
 * @param reports trust reports that they have sent
 * @param certifies Certify requests that they have sent
 */
record Sample(
    Instant at,
    double cpuSeconds,
    double rssMegabytes,
    double heapMegabytes,
    double bundles,
    double reports,
    double certifies) {}
