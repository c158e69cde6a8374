package io.signetmesh.identity.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Context;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import java.util.List;
import org.junit.jupiter.api.Test;

class CertifyPartyTest {
  @Test
  void addressesOfOneIpv6NetworkAreOneParty() throws Exception {
    Object party = partyAt("2001:db8:0:1:0:0:0:1:443");

    assertThat(partyAt("2001:db8:0:1:9:9:9:9:444")).isEqualTo(party);
    assertThat(partyAt("2001:db8:0:2:0:0:0:1:443")).isNotEqualTo(party);
  }

  @Test
  void eachIpv4AddressIsAPartyWhateverItsPort() throws Exception {
    assertThat(partyAt("10.0.0.1:443")).isEqualTo(partyAt("10.0.0.1:444"));
    assertThat(partyAt("10.0.0.1:443")).isNotEqualTo(partyAt("10.0.0.2:443"));
  }

  @Test
  void whoHasProvedItsIdentityIsAPartyByItsName() throws Exception {
    Caller caller = new Caller.Identified(new PeerIdentity("web", List.of("web")));

    Object party =
        Context.ROOT
            .withValue(Caller.KEY, caller)
            .withValue(Caller.ADDRESS, "10.0.0.1:443")
            .call(CertifyService::party);

    assertThat(party).isEqualTo("web");
  }

  private static Object partyAt(String address) throws Exception {
    return Context.ROOT.withValue(Caller.ADDRESS, address).call(CertifyService::party);
  }
}
