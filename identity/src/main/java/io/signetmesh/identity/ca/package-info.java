/** The certificate authority: its issuer and anchors, and what it takes to get a leaf from it. */
@NullMarked
package io.signetmesh.identity.ca;

import org.jspecify.annotations.NullMarked;
