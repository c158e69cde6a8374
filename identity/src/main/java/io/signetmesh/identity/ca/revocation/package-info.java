/**
 * Revocations: the state in {@link io.signetmesh.identity.ca.revocation.RevocationStore}, and the
 * CRLs that {@link io.signetmesh.identity.ca.revocation.RevocationPublisher} signs from it.
 */
@NullMarked
package io.signetmesh.identity.ca.revocation;

import org.jspecify.annotations.NullMarked;
