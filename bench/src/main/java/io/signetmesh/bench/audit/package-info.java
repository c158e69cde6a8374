/** The audit log at scale: records of a made-up mesh, their index, and queries. */
@NullMarked
package io.signetmesh.bench.audit;

import org.jspecify.annotations.NullMarked;
