/**
 * Verifies JSON Web Tokens (RFC 7519) that requests carry: finds them, checks signature, times,
 * audience, claims and the proof of possession, and says what the application gets of them.
 *
 * <p>A token is text of a stranger. Nothing in this package throws for any bytes of one, and its
 * time and memory are bounded by the size of the token, at most 16 KiB.
 */
@NullMarked
package io.signetmesh.jwt;

import org.jspecify.annotations.NullMarked;
