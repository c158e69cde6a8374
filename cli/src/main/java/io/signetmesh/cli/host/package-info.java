/** Which workloads of a manifest directory run on this host, and how their proxies are set up. */
@NullMarked
package io.signetmesh.cli.host;

import org.jspecify.annotations.NullMarked;
