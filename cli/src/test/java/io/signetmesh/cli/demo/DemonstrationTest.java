package io.signetmesh.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Clock;
import org.junit.jupiter.api.Test;

/** The whole shop in this process: control plane, proxies, services and all clients. */
final class DemonstrationTest {
  @Test
  void everyVerdictIsTheExpectedOne() throws Exception {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    boolean asExpected = new Demo(writer, writer, Clock.systemUTC()).train();
    assertThat(asExpected).as(out.toString()).isTrue();
    assertThat(out.toString()).contains("identity-mismatch, nearest: web-from-storefront");
  }
}
