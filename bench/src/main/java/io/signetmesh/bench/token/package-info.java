/** Cost of a token: {@link io.signetmesh.bench.token.TokenBench}. */
@NullMarked
package io.signetmesh.bench.token;

import org.jspecify.annotations.NullMarked;
