/** The admin server: health, metrics, and what an operator on the host may see and do. */
@NullMarked
package io.signetmesh.proxy.admin;

import org.jspecify.annotations.NullMarked;
