/**
 * Findings: what is wrong with the policy objects of a snapshot, or hardly what their authors want.
 */
@NullMarked
package io.signetmesh.policy.lint;

import org.jspecify.annotations.NullMarked;
