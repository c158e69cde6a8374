/**
 * The monitoring interface of a control-plane process: metrics, readiness and liveness, for the
 * identity server, the policy controller and discovery. {@link
 * io.signetmesh.identity.admin.ServerMeters} has the meters, {@link
 * io.signetmesh.identity.admin.AdminServer} the HTTP server. The proxy has a registry of its own.
 */
@NullMarked
package io.signetmesh.identity.admin;

import org.jspecify.annotations.NullMarked;
