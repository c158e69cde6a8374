/** Public keys of issuers (RFC 7517), and the algorithms that they verify (RFC 7518, RFC 8037). */
@NullMarked
package io.signetmesh.jwt.key;

import org.jspecify.annotations.NullMarked;
