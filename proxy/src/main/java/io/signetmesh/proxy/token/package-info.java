/**
 * Verifies the tokens of requests: off the event loops, in turns that are fair between proxies and
 * between clients, and once for each token that is used again.
 */
@NullMarked
package io.signetmesh.proxy.token;

import org.jspecify.annotations.NullMarked;
