/** Delivers the records of journals to a collector, from their files. */
@NullMarked
package io.signetmesh.audit.delivery;

import org.jspecify.annotations.NullMarked;
