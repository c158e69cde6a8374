@NullMarked
package io.signetmesh.rego;

import org.jspecify.annotations.NullMarked;
