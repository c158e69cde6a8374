/** Finds the workload behind a client's identity or address, to answer an operator's question. */
@NullMarked
package io.signetmesh.policy.clients;

import org.jspecify.annotations.NullMarked;
