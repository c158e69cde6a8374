/** The workloads of a manifest directory that run on this host, and the setup of their proxies. */
@NullMarked
package io.signetmesh.cli.host;

import org.jspecify.annotations.NullMarked;
