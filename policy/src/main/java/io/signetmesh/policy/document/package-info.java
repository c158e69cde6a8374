/** Key sets and policy bundles, and where the controller fetches them from. */
@NullMarked
package io.signetmesh.policy.document;

import org.jspecify.annotations.NullMarked;
