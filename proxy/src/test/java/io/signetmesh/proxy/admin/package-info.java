@NullMarked
package io.signetmesh.proxy.admin;

import org.jspecify.annotations.NullMarked;
