@NullMarked
package io.signetmesh.identity.federation;

import org.jspecify.annotations.NullMarked;
