/** Authentication of requests by JSON Web Tokens. */
@NullMarked
package io.signetmesh.crds.token;

import org.jspecify.annotations.NullMarked;
