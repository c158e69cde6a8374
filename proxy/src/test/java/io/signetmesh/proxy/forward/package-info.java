/** Tests of byte relays. */
@NullMarked
package io.signetmesh.proxy.forward;

import org.jspecify.annotations.NullMarked;
