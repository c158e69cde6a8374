/**
 * The workload's side of identity: obtains a leaf, renews it, and follows the trust bundle. Used by
 * proxies and by control-plane servers alike; {@link
 * io.signetmesh.identity.workload.IdentityClient} is the entry.
 */
@NullMarked
package io.signetmesh.identity.workload;

import org.jspecify.annotations.NullMarked;
