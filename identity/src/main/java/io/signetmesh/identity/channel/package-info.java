/**
 * The control plane's transport, both ends: gRPC over HTTP/2 by prior knowledge inside TLS 1.3
 * without ALPN, as the proxies of Linkerd's API speak it, with identities checked; or in the clear
 * between processes of one host.
 */
@NullMarked
package io.signetmesh.identity.channel;

import org.jspecify.annotations.NullMarked;
