/**
 * JWT-SVIDs (SPIFFE JWT-SVID): the signing keys, the tokens and their verification. {@link
 * io.signetmesh.identity.jwt.JwtSvidIssuer} signs, {@link io.signetmesh.identity.jwt.JwtSvid}
 * verifies.
 */
@NullMarked
package io.signetmesh.identity.jwt;

import org.jspecify.annotations.NullMarked;
