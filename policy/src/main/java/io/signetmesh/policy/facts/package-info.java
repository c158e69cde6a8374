/**
 * What the policy controller knows about each object, in the form that the index works on: checked,
 * compact and free of the resource's representation.
 */
@NullMarked
package io.signetmesh.policy.facts;

import org.jspecify.annotations.NullMarked;
