@NullMarked
package io.signetmesh.proxy;

import org.jspecify.annotations.NullMarked;
