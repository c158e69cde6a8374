package io.signetmesh.proxy;

import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.proxy.admin.AdminServer;
import io.signetmesh.proxy.admin.AdminSurface;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.policy.PolicyWatcher;
import io.signetmesh.proxy.upstream.DiscoveryClient;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;

/**
 * The parts of a proxy that is assembled.
 *
 * @param inbound addresses of the inbound listeners
 * @param outbound addresses of the outbound listeners
 * @param surface what is served on its admin port
 */
record Running(
    ProxyLoops loops,
    Listeners listeners,
    ScheduledExecutorService timer,
    IdentityClient identity,
    PolicyWatcher policies,
    DiscoveryClient upstreams,
    AdminServer admin,
    AdminSurface surface,
    List<InetSocketAddress> inbound,
    List<InetSocketAddress> outbound) {}
