@NullMarked
package io.signetmesh.jwt;

import org.jspecify.annotations.NullMarked;
