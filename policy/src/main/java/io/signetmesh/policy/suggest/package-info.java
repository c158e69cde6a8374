/** Suggestions for typos: the name that was meant, and the policy of a port with that name. */
@NullMarked
package io.signetmesh.policy.suggest;

import org.jspecify.annotations.NullMarked;
