/**
 * What is decided, on what, and why: the policy of one workload port as its callers see it, the
 * attributes of clients and requests, decisions with their reasons. {@code authorize.compile} makes
 * policies.
 */
@NullMarked
package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.NullMarked;
