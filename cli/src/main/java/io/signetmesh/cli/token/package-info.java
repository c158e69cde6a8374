/** {@code signet jwt}: JSON Web Tokens and the JWTAuthentications that they have to pass. */
@NullMarked
package io.signetmesh.cli.token;

import org.jspecify.annotations.NullMarked;
