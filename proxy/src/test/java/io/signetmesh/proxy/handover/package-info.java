@NullMarked
package io.signetmesh.proxy.handover;

import org.jspecify.annotations.NullMarked;
