@NullMarked
package io.signetmesh.identity.state;

import org.jspecify.annotations.NullMarked;
