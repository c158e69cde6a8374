package io.signetmesh.proxy.upstream;

import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.net.InetSocketAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One endpoint of a destination.
 *
 * @param address application address
 * @param tls how the peer proxy is authenticated; null: the endpoint is not meshed, plaintext
 * @param hint what the peer proxy takes
 * @param transportPort port of the peer proxy's inbound listener that takes direct connections with
 *     the transport header, 1 to 65534; 0: dial {@code address} itself
 * @param authorityOverride replaces {@code :authority}; null: keep
 * @param labels metric labels, become {@code dst_<key>}
 * @param keepAlive when HTTP/2 connections to it are asked for a sign of life, as discovery says;
 *     null: it says nothing
 */
public record Endpoint(
    InetSocketAddress address,
    @Nullable TlsTarget tls,
    Hint hint,
    int transportPort,
    @Nullable String authorityOverride,
    Map<String, String> labels,
    @Nullable Http2KeepAlive keepAlive) {

  /** An endpoint of which nothing is said about keep-alive. */
  public Endpoint(
      InetSocketAddress address,
      @Nullable TlsTarget tls,
      Hint hint,
      int transportPort,
      @Nullable String authorityOverride,
      Map<String, String> labels) {
    this(address, tls, hint, transportPort, authorityOverride, labels, null);
  }

  /** Protocol hint of a peer proxy. */
  public enum Hint {
    /** Nothing is known: speak the protocol of the request. */
    UNKNOWN,
    /** HTTP/1 requests may cross as HTTP/2 with {@code l5d-orig-proto}. */
    HTTP2,
    /** Bytes only: connections to it carry no protocol, also where requests are sent over them. */
    OPAQUE
  }

  /** Hash of the address alone: pools look endpoints up for each request. */
  @Override
  public int hashCode() {
    return address.hashCode();
  }

  /** Where to dial: the peer proxy's inbound port when it takes direct connections. */
  public InetSocketAddress dialAddress() {
    return transportPort == 0
        ? address
        : new InetSocketAddress(address.getAddress(), transportPort);
  }
}
