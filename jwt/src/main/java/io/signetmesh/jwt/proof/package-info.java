/** Parts of proofs of possession (RFC 9449): URIs, nonces, and the memory of used proofs. */
@NullMarked
package io.signetmesh.jwt.proof;

import org.jspecify.annotations.NullMarked;
