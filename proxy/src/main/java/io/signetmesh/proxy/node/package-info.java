/**
 * The workloads of one process: their proxies come, are replaced, and go, each without touching the
 * others. Entry: {@link io.signetmesh.proxy.node.NodeWorkloads}.
 */
@NullMarked
package io.signetmesh.proxy.node;

import org.jspecify.annotations.NullMarked;
