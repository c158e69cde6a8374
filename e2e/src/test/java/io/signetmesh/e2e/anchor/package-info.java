/** Trust anchors of a running mesh that are stolen, have expired, or are not known to everybody. */
@NullMarked
package io.signetmesh.e2e.anchor;

import org.jspecify.annotations.NullMarked;
