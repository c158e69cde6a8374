package io.signetmesh.proxy.upstream;

import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.net.InetSocketAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One endpoint of a destination.
 *
 * @param address address of the application
 * @param tls how the peer's proxy is authenticated; null: the endpoint is not meshed and gets
 *     plaintext
 * @param hint protocol that the peer's proxy accepts
 * @param transportPort inbound port of the peer's proxy, which accepts direct connections with a
 *     transport header, 1 to 65534; 0: dial {@code address}
 * @param authorityOverride replaces {@code :authority}; null: keep
 * @param labels labels from discovery, which metrics show as {@code dst_<key>}
 * @param keepAlive PINGs on HTTP/2 connections to it, as discovery states; null: discovery states
 *     none
 */
public record Endpoint(
    InetSocketAddress address,
    @Nullable TlsTarget tls,
    Hint hint,
    int transportPort,
    @Nullable String authorityOverride,
    Map<String, String> labels,
    @Nullable Http2KeepAlive keepAlive) {

  /** An endpoint without a stated keep-alive. */
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

  /**
   * The address to dial: that of the application, with the port of the peer's proxy if it accepts
   * direct connections.
   */
  public InetSocketAddress dialAddress() {
    return transportPort == 0
        ? address
        : new InetSocketAddress(address.getAddress(), transportPort);
  }
}
