/** The forms that tokens are written in: base64url, JSON and the compact JWS, read strictly. */
@NullMarked
package io.signetmesh.jwt.jose;

import org.jspecify.annotations.NullMarked;
