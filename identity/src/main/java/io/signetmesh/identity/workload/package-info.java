/**
 * The workload's side of identity: obtains a leaf, renews it, and follows the trust bundle. Proxies
 * and control-plane servers use it. {@link io.signetmesh.identity.workload.IdentityClient} is the
 * entry point.
 */
@NullMarked
package io.signetmesh.identity.workload;

import org.jspecify.annotations.NullMarked;
