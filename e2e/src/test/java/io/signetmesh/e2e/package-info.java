/** What can be seen of Signet from outside: real processes, real programs as their clients. */
@NullMarked
package io.signetmesh.e2e;

import org.jspecify.annotations.NullMarked;
