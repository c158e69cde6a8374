/**
 * Fetches the key sets of token issuers and policy bundles, keeps the last good ones and says how
 * it goes.
 */
@NullMarked
package io.signetmesh.policy.fetch;

import org.jspecify.annotations.NullMarked;
