/**
 * System calls of Linux that neither Java nor Netty has, through the foreign function API; and Unix
 * sockets whose messages carry descriptors.
 */
@NullMarked
package io.signetmesh.proxy.linux;

import org.jspecify.annotations.NullMarked;
