/** What operators' systems ask a policy controller: metrics, readiness, liveness. */
@NullMarked
package io.signetmesh.policy.admin;

import org.jspecify.annotations.NullMarked;
