/**
 * The control plane's transport, client and server: gRPC over HTTP/2 with prior knowledge over TLS
 * 1.3 without ALPN, as Linkerd's proxies use it, with verified identities; and cleartext or Unix
 * sockets between processes of one host.
 */
@NullMarked
package io.signetmesh.identity.channel;

import org.jspecify.annotations.NullMarked;
