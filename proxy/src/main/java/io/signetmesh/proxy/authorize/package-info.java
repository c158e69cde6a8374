/**
 * Authorization: the interface of the policy of one workload port, the attributes of clients and
 * requests that it reads, and decisions with their reasons. {@code authorize.compile} compiles
 * policies.
 */
@NullMarked
package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.NullMarked;
