/** Cost of an authorization decision: {@link io.signetmesh.bench.decision.DecisionBench}. */
@NullMarked
package io.signetmesh.bench.decision;

import org.jspecify.annotations.NullMarked;
