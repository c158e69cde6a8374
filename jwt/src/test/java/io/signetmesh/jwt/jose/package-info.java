@NullMarked
package io.signetmesh.jwt.jose;

import org.jspecify.annotations.NullMarked;
