/** The server that collects audit records in a transparency log. */
@NullMarked
package io.signetmesh.collector;

import org.jspecify.annotations.NullMarked;
