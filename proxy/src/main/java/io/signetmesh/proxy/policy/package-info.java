/**
 * Policy of the workload's ports as the policy controller streams it, and the acknowledgement of
 * it.
 */
@NullMarked
package io.signetmesh.proxy.policy;

import org.jspecify.annotations.NullMarked;
