@NullMarked
package io.signetmesh.jwt.key;

import org.jspecify.annotations.NullMarked;
