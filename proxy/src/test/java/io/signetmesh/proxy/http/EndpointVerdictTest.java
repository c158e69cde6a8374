package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the balancer hears of an endpoint. */
class EndpointVerdictTest {
  private final List<String> told = new ArrayList<>();
  private final EndpointVerdict verdict = new EndpointVerdict();

  private final class TestLease implements Upstream.Lease {
    @Override
    public Endpoint endpoint() {
      InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 80);
      return new Endpoint(address, null, Endpoint.Hint.OPAQUE, 0, null, Map.of());
    }

    @Override
    public void responded(long latencyNanos) {
      told.add("responded");
    }

    @Override
    public void answeredBadly(long latencyNanos) {
      told.add("badly");
    }

    @Override
    public void refused(long latencyNanos) {
      told.add("refused");
    }

    @Override
    public void failed() {
      told.add("failed");
    }

    @Override
    public void release() {
      told.add("released");
    }
  }

  @Test
  void nothingIsToldBeforeAnEndpointIsPicked() {
    verdict.responded(1, false);
    verdict.failed(1);
    verdict.notReached();
    verdict.release();
    assertThat(told).isEmpty();
    assertThat(verdict.endpoint()).isNull();
  }

  @Test
  void anAnswerIsTold() {
    verdict.picked(new TestLease());
    verdict.responded(1, false);
    verdict.release();
    verdict.release();
    assertThat(told).containsExactly("responded", "released");
  }

  @Test
  void aFailureIsToldOnce() {
    verdict.picked(new TestLease());
    verdict.notReached();
    verdict.failed(1);
    verdict.responded(1, true);
    assertThat(told).containsExactly("failed");
  }

  @Test
  void theNextEndpointIsJudgedAnew() {
    verdict.picked(new TestLease());
    verdict.refused(1);
    verdict.release();
    verdict.picked(new TestLease());
    verdict.failed(1);
    assertThat(told).containsExactly("refused", "released", "badly");
  }
}
