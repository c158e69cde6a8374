/** Fetches the key sets of token issuers, keeps the last good ones and says how it goes. */
@NullMarked
package io.signetmesh.policy.keys;

import org.jspecify.annotations.NullMarked;
