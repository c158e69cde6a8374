/**
 * The policy model: each object that inbound policy depends on, checked, compact and free of the
 * resource's representation. {@link io.signetmesh.policy.model.PolicyModel} reads it from a
 * cluster.
 */
@NullMarked
package io.signetmesh.policy.model;

import org.jspecify.annotations.NullMarked;
