/**
 * Route kinds of the policy API and of the Gateway API, on shared route types. {@code grpc} has the
 * gRPC route.
 */
@NullMarked
package io.signetmesh.crds.route;

import org.jspecify.annotations.NullMarked;
