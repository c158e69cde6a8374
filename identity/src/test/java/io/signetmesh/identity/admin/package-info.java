@NullMarked
package io.signetmesh.identity.admin;

import org.jspecify.annotations.NullMarked;
