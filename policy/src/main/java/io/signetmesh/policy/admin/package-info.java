/** Metrics of a policy controller. */
@NullMarked
package io.signetmesh.policy.admin;

import org.jspecify.annotations.NullMarked;
