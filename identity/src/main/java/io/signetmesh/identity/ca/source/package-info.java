/**
 * Sources of issuer and trust anchors: files, mounted Secrets, a PKCS#12 file, a PKCS#11 token, or
 * a CA that the state directory keeps. {@link io.signetmesh.identity.ca.source.ReloadingAuthority}
 * follows their changes.
 */
@NullMarked
package io.signetmesh.identity.ca.source;

import org.jspecify.annotations.NullMarked;
