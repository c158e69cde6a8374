/**
 * Keys, certificates, workload names and trust bundles, and the TLS contexts made from them. {@link
 * io.signetmesh.identity.pki.Credentials} is what everything that speaks TLS is built from.
 */
@NullMarked
package io.signetmesh.identity.pki;

import org.jspecify.annotations.NullMarked;
