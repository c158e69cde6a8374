/** The admin server: health, metrics, policy in force, and shutdown. */
@NullMarked
package io.signetmesh.proxy.admin;

import org.jspecify.annotations.NullMarked;
