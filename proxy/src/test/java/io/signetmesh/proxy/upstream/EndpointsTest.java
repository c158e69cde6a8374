package io.signetmesh.proxy.upstream;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.destination.AuthorityOverride;
import io.linkerd.proxy.destination.Http2ClientParams;
import io.linkerd.proxy.destination.ProtocolHint;
import io.linkerd.proxy.destination.TlsIdentity;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.net.TcpAddress;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointsTest {
  private static final InetSocketAddress ADDRESS = socket("10.0.0.1", 8080);
  private static final String NAME = "web.shop.serviceaccount.identity.linkerd.cluster.local";

  private static InetSocketAddress socket(String ip, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(ip), port);
  }

  private static TlsIdentity.DnsLikeIdentity dns(String name) {
    return TlsIdentity.DnsLikeIdentity.newBuilder().setName(name).build();
  }

  private static WeightedAddr.Builder meshed() {
    return WeightedAddr.newBuilder()
        .setAddr(Endpoints.message(ADDRESS))
        .setTlsIdentity(
            TlsIdentity.newBuilder().setDnsLikeIdentity(dns(NAME)).setServerName(dns(NAME)));
  }

  private static ProtocolHint.Builder inboundPort(int port) {
    return ProtocolHint.newBuilder()
        .setOpaqueTransport(ProtocolHint.OpaqueTransport.newBuilder().setInboundPort(port));
  }

  private static Endpoint read(WeightedAddr.Builder message) {
    return requireNonNull(Endpoints.endpoint(message.build(), Map.of()));
  }

  @Test
  void dialsThePeersProxyAndNamesTheApplicationPort() {
    Endpoint endpoint =
        read(
            meshed()
                .setProtocolHint(inboundPort(4143).setH2(ProtocolHint.H2.getDefaultInstance()))
                .putMetricLabels("pod", "web-1"));

    assertThat(endpoint.dialAddress()).isEqualTo(socket("10.0.0.1", 4143));
    assertThat(endpoint.address()).isEqualTo(ADDRESS);
    assertThat(endpoint.tls()).isEqualTo(new TlsTarget(NAME, NAME));
    assertThat(endpoint.hint()).isEqualTo(Endpoint.Hint.HTTP2);
    assertThat(endpoint.labels()).containsEntry("pod", "web-1");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 65_535, 65_536, -1})
  void dialsTheApplicationPortWhenTheProxysPortIsOutOfRange(int port) {
    assertThat(read(meshed().setProtocolHint(inboundPort(port))).dialAddress()).isEqualTo(ADDRESS);
  }

  @Test
  void takesNoTransportPortFromAPeerWithoutIdentity() {
    Endpoint endpoint =
        read(
            WeightedAddr.newBuilder()
                .setAddr(Endpoints.message(ADDRESS))
                .setProtocolHint(inboundPort(4143)));

    assertThat(endpoint.tls()).isNull();
    assertThat(endpoint.dialAddress()).isEqualTo(ADDRESS);
  }

  @Test
  void leavesOutPeersWhoseIdentityCannotBeChecked() {
    TlsIdentity.UriLikeIdentity uri =
        TlsIdentity.UriLikeIdentity.newBuilder().setUri("spiffe://cluster.local/vm").build();
    List<TlsIdentity.Builder> unusable =
        List.of(
            TlsIdentity.newBuilder(),
            TlsIdentity.newBuilder().setServerName(dns(NAME)),
            TlsIdentity.newBuilder().setDnsLikeIdentity(dns("")),
            TlsIdentity.newBuilder().setUriLikeIdentity(uri),
            TlsIdentity.newBuilder()
                .setServerName(dns("vm.example.com"))
                .setUriLikeIdentity(TlsIdentity.UriLikeIdentity.getDefaultInstance()));

    for (TlsIdentity.Builder identity : unusable) {
      assertThat(Endpoints.endpoint(meshed().setTlsIdentity(identity).build(), Map.of())).isNull();
    }
    assertThat(
            read(meshed()
                    .setTlsIdentity(
                        TlsIdentity.newBuilder()
                            .setUriLikeIdentity(uri)
                            .setServerName(dns("vm.example.com"))))
                .tls())
        .isEqualTo(new TlsTarget("vm.example.com", "spiffe://cluster.local/vm"));
    assertThat(
            read(meshed().setTlsIdentity(TlsIdentity.newBuilder().setDnsLikeIdentity(dns(NAME))))
                .tls())
        .isEqualTo(new TlsTarget(NAME, NAME));
  }

  @Test
  void leavesOutEndpointsWithoutAddressOrPort() {
    assertThat(Endpoints.endpoint(WeightedAddr.getDefaultInstance(), Map.of())).isNull();
    assertThat(Endpoints.socket(TcpAddress.newBuilder().setPort(80).build())).isNull();
    assertThat(Endpoints.socket(Endpoints.message(ADDRESS).toBuilder().setPort(0).build()))
        .isNull();
  }

  @Test
  void labelsOfAnEndpointComeBeforeThoseOfItsSet() {
    Endpoint endpoint =
        requireNonNull(
            Endpoints.endpoint(
                meshed().putMetricLabels("a", "own").build(), Map.of("a", "set", "b", "set")));

    assertThat(endpoint.labels()).isEqualTo(Map.of("a", "own", "b", "set"));
  }

  @Test
  void readsKeepAliveWhereBothTimesAreGiven() {
    Http2ClientParams.KeepAlive.Builder given =
        Http2ClientParams.KeepAlive.newBuilder().setInterval(seconds(20)).setWhileIdle(true);
    assertThat(read(meshed().setHttp2(params(given))).keepAlive()).isNull();
    assertThat(read(meshed()).keepAlive()).isNull();

    given.setTimeout(seconds(5));
    assertThat(read(meshed().setHttp2(params(given))).keepAlive())
        .isEqualTo(new Http2KeepAlive(Duration.ofSeconds(20), Duration.ofSeconds(5), true));

    // No control plane has proxies ask one another all the time.
    given.setInterval(com.google.protobuf.Duration.newBuilder().setNanos(1));
    given.setTimeout(com.google.protobuf.Duration.newBuilder().setNanos(1));
    assertThat(read(meshed().setHttp2(params(given))).keepAlive())
        .isEqualTo(new Http2KeepAlive(Duration.ofSeconds(1), Duration.ofMillis(100), true));
  }

  private static Http2ClientParams params(Http2ClientParams.KeepAlive.Builder keepAlive) {
    return Http2ClientParams.newBuilder().setKeepAlive(keepAlive).build();
  }

  private static com.google.protobuf.Duration.Builder seconds(long seconds) {
    return com.google.protobuf.Duration.newBuilder().setSeconds(seconds);
  }

  @Test
  void readsAuthorityOverride() {
    assertThat(
            read(meshed()
                    .setAuthorityOverride(
                        AuthorityOverride.newBuilder().setAuthorityOverride("web.east:80")))
                .authorityOverride())
        .isEqualTo("web.east:80");
    assertThat(read(meshed()).authorityOverride()).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "10.0.0.1", "255.255.255.255", "::1", "2001:db8::ffff:1"})
  void writesAndReadsAddresses(String ip) {
    InetSocketAddress socket = socket(ip, 65_535);

    assertThat(Endpoints.socket(Endpoints.message(socket))).isEqualTo(socket);
  }
}
