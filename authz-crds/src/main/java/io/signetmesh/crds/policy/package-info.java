/**
 * Kinds of the policy API: servers, authorizations, authentications, rate limits and egress
 * networks.
 */
@NullMarked
package io.signetmesh.crds.policy;

import org.jspecify.annotations.NullMarked;
