/** The identity server under load: certificates per second, and many proxies at once. */
@NullMarked
package io.signetmesh.bench.identity;

import org.jspecify.annotations.NullMarked;
