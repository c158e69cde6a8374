/** The gRPC services of the policy port: policy streams and acknowledgements. */
@NullMarked
package io.signetmesh.policy.stream;

import org.jspecify.annotations.NullMarked;
