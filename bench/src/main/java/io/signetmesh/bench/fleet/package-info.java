/** An identity server in a process of its own, and many simulated proxies that are its clients. */
@NullMarked
package io.signetmesh.bench.fleet;

import org.jspecify.annotations.NullMarked;
