/**
 * One request and its response on their way through the proxy, whatever the versions of HTTP on the
 * two sides; and what a client may cost.
 */
@NullMarked
package io.signetmesh.proxy.http.exchange;

import org.jspecify.annotations.NullMarked;
