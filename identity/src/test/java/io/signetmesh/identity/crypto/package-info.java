@NullMarked
package io.signetmesh.identity.crypto;

import org.jspecify.annotations.NullMarked;
