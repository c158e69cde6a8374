/** Which authorizations apply to each Server and route, and what proxies have counted for them. */
@NullMarked
package io.signetmesh.cli.authz;

import org.jspecify.annotations.NullMarked;
