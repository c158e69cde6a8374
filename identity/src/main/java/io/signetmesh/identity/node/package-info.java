/** Identities of nodes, and who may speak for a workload in calls to the control plane. */
@NullMarked
package io.signetmesh.identity.node;

import org.jspecify.annotations.NullMarked;
