/** Authentication of requests by JSON Web Tokens, and the objects that its keys may be in. */
@NullMarked
package io.signetmesh.crds.token;

import org.jspecify.annotations.NullMarked;
