/** Commands that revoke and that show what is revoked: {@code signet identity revoke} and more. */
@NullMarked
package io.signetmesh.cli.revocation;

import org.jspecify.annotations.NullMarked;
