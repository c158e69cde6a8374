/** From changes of objects to the effective policy of each workload port, incrementally. */
@NullMarked
package io.signetmesh.policy.index;

import org.jspecify.annotations.NullMarked;
