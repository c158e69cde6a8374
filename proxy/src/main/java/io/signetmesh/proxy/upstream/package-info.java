/**
 * Where outbound traffic goes: destinations, profiles and policies as streamed, and balancing over
 * endpoints.
 */
@NullMarked
package io.signetmesh.proxy.upstream;

import org.jspecify.annotations.NullMarked;
