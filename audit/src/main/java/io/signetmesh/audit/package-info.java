/**
 * The record of every decision and every administrative act. {@link io.signetmesh.audit.AuditLog}
 * is what producers see; {@link io.signetmesh.audit.Journal} writes the records as JSON lines.
 */
@NullMarked
package io.signetmesh.audit;

import org.jspecify.annotations.NullMarked;
