/** RegoAuthentications as messages, and where their bundles come from. */
@NullMarked
package io.signetmesh.policy.rego;

import org.jspecify.annotations.NullMarked;
