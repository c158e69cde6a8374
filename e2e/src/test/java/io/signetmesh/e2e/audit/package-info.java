/** The audit log of a mesh of processes: what faults do to it, and real receivers of it. */
@NullMarked
package io.signetmesh.e2e.audit;

import org.jspecify.annotations.NullMarked;
