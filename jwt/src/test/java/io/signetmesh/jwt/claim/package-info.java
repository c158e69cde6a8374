@NullMarked
package io.signetmesh.jwt.claim;

import org.jspecify.annotations.NullMarked;
