/**
 * The identity server: issuance and the trust bundle stream over gRPC. {@link
 * io.signetmesh.identity.server.IdentityServer} puts it together.
 */
@NullMarked
package io.signetmesh.identity.server;

import org.jspecify.annotations.NullMarked;
