/** Kinds of the policy API: servers, authorizations, authentications and rate limits. */
@NullMarked
package io.signetmesh.crds.policy;

import org.jspecify.annotations.NullMarked;
