@NullMarked
package io.signetmesh.jwt.proof;

import org.jspecify.annotations.NullMarked;
