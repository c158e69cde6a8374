/** Tests of sockets inside network namespaces. */
@NullMarked
package io.signetmesh.proxy.netns;

import org.jspecify.annotations.NullMarked;
