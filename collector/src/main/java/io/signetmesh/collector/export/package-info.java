/** Takes records elsewhere, in formats that others read. */
@NullMarked
package io.signetmesh.collector.export;

import org.jspecify.annotations.NullMarked;
