/**
 * The certificate authority: its issuer and trust anchors, signing requests, and the issued leaves.
 */
@NullMarked
package io.signetmesh.identity.ca;

import org.jspecify.annotations.NullMarked;
