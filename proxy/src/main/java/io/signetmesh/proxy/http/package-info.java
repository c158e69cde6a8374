/** HTTP/1.1 and HTTP/2 in both directions, and the translation between them. */
@NullMarked
package io.signetmesh.proxy.http;

import org.jspecify.annotations.NullMarked;
