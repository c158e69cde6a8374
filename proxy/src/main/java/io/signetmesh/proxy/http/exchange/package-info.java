/**
 * One request and its response on their way through the proxy, independent of the HTTP versions of
 * the two sides; and budgets for the work that a client causes.
 */
@NullMarked
package io.signetmesh.proxy.http.exchange;

import org.jspecify.annotations.NullMarked;
