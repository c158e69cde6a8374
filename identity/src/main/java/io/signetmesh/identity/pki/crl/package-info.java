/**
 * Certificate revocation lists of X.509 (RFC 5280 section 5): reading and writing without an object
 * for each entry.
 */
@NullMarked
package io.signetmesh.identity.pki.crl;

import org.jspecify.annotations.NullMarked;
