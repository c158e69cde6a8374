/** What becomes of the audit log outside of Signet, with real receivers. */
@NullMarked
package io.signetmesh.e2e.audit;

import org.jspecify.annotations.NullMarked;
