/** Tests of dialling. */
@NullMarked
package io.signetmesh.proxy.connect;

import org.jspecify.annotations.NullMarked;
