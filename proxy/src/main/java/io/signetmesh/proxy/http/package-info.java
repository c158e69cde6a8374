/**
 * HTTP proxying: decides on inbound requests, balances outbound ones, and keeps the connections to
 * upstreams. Heads and bodies are read and written by {@code http.h1} and {@code http.h2}, and
 * cross the proxy in an {@code http.exchange}.
 */
@NullMarked
package io.signetmesh.proxy.http;

import org.jspecify.annotations.NullMarked;
