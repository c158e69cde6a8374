/**
 * Ends live connections when the trust in their peers ends: by revocation, federation or expiry.
 */
@NullMarked
package io.signetmesh.identity.live;

import org.jspecify.annotations.NullMarked;
