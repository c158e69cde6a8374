/** What revocation costs those who verify peers. */
@NullMarked
package io.signetmesh.bench.revocation;

import org.jspecify.annotations.NullMarked;
