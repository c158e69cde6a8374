/**
 * Records of every decision and every administrative action. Producers use {@link
 * io.signetmesh.audit.AuditLog}; {@link io.signetmesh.audit.Journal} writes the records as JSON
 * lines.
 */
@NullMarked
package io.signetmesh.audit;

import org.jspecify.annotations.NullMarked;
