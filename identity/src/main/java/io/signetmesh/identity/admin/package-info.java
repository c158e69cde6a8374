/**
 * What an operator's monitoring asks a server of the control plane: metrics, readiness and
 * liveness. The identity server, the policy controller and discovery all use it. {@link
 * io.signetmesh.identity.admin.ServerMeters} has the meters, {@link
 * io.signetmesh.identity.admin.AdminServer} the HTTP port. The proxy has a registry of its own.
 */
@NullMarked
package io.signetmesh.identity.admin;

import org.jspecify.annotations.NullMarked;
