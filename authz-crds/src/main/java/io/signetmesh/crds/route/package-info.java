/**
 * Route kinds of Linkerd's policy API and of the Gateway API, and the types that they share. The
 * package {@code grpc} has GRPCRoute.
 */
@NullMarked
package io.signetmesh.crds.route;

import org.jspecify.annotations.NullMarked;
