/** GRPCRoute of the Gateway API. */
@NullMarked
package io.signetmesh.crds.route.grpc;

import org.jspecify.annotations.NullMarked;
