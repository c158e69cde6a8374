/** What tests of other modules need of a data plane. */
@NullMarked
package io.signetmesh.proxy;

import org.jspecify.annotations.NullMarked;
