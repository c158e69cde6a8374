/** The software that ships: what it is made of and what is known against it. */
@NullMarked
package io.signetmesh.e2e.supply;

import org.jspecify.annotations.NullMarked;
