/** Files that a server keeps: append-only records, and Unix sockets. */
@NullMarked
package io.signetmesh.identity.state;

import org.jspecify.annotations.NullMarked;
