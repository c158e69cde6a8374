/**
 * What authorization objects grant, and the effective policy of a port as a message for its proxy.
 * Pure functions of the policy model; the state is in the index.
 */
@NullMarked
package io.signetmesh.policy.effective;

import org.jspecify.annotations.NullMarked;
