/**
 * A transparency log in the public formats: the Merkle tree of RFC 6962, kept as tiles (C2SP {@code
 * tlog-tiles}), with checkpoints ({@code tlog-checkpoint}) that are signed notes ({@code
 * signed-note}) and may be cosigned by witnesses ({@code tlog-cosignature}). It knows nothing of
 * what the entries say.
 */
@NullMarked
package io.signetmesh.audit.tlog;

import org.jspecify.annotations.NullMarked;
