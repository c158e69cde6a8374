package io.signetmesh.collector.ingest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusException;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.Logs;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchTest {
  private static final WriterRights RIGHTS = new NamespaceRights("linkerd", "cluster.local");
  private static final String WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local";

  private static Caller caller(String name) {
    return new Caller.Identified(new PeerIdentity(name, List.of(name)));
  }

  private static Batch batch(String writer, String... lines) throws StatusException {
    List<byte[]> bytes = Arrays.stream(lines).map(line -> line.getBytes(UTF_8)).toList();
    return Batch.of(Logs.journal(writer, 1), caller(writer), RIGHTS, bytes, Logs.NOW);
  }

  private static void refused(String expected, String... lines) {
    assertThatThrownBy(() -> batch(WEB, lines))
        .asInstanceOf(InstanceOfAssertFactories.throwable(StatusException.class))
        .satisfies(e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT))
        .hasMessageContaining(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "web.shop|'{\"sequence\":1,\"decision\":{\"workload\":\"shop/web-1\"}}'|false",
        "web.shop|'{\"sequence\":1,\"decision\":{\"workload\":\"bank/web-1\"}}'|true",
        "web.shop|'{\"sequence\":1,\"decision\":{\"verdict\":\"allow\"}}'|true",
        "web.shop|'{\"sequence\":1,\"decision\":\"shop/web-1\"}'|true",
        "web.shop|'{\"sequence\":1,\"decision\":{\"workload\":\"shop\"}}'|true",
        "web.shop|'{\"sequence\":1,\"decision\":{\"x\":{\"workload\":\"shop/web\"}}}'|true",
        "web.shop|'{\"sequence\":1,\"gap\":{\"lost\":3,\"workload\":\"bank/web\"}}'|true",
        "web.shop|'{\"sequence\":1,\"gap\":{\"lost\":3}}'|false",
        "web.shop|'{\"sequence\":1,\"head\":{\"first\":1}}'|false",
        "web.shop|'{\"sequence\":1,\"administrative\":{\"act\":\"policy-applied\"}}'|true",
        "web.shop|'{\"sequence\":1,\"gap\":{\"lost\":1},\"administrative\":{}}'|true",
        "linkerd-destination.linkerd|'{\"sequence\":1,\"administrative\":{\"act\":\"x\"}}'|false",
        "linkerd-destination.linkerd|'{\"sequence\":1,\"decision\":{\"workload\":\"a/b\"}}'|true",
        "node-n1.linkerd|'{\"sequence\":1,\"decision\":{\"workload\":\"shop/web-1\"}}'|true",
        "node-n1.linkerd|'{\"sequence\":1,\"administrative\":{\"act\":\"x\"}}'|true",
      })
  void marksWhatTheWriterDoesNotSpeakFor(String who, String line, boolean foreign)
      throws Exception {
    String[] names = who.split("\\.");
    String writer = names[0] + "." + names[1] + ".serviceaccount.identity.linkerd.cluster.local";
    Batch batch = batch(writer, line);

    LogEntry entry = LogEntry.parse(batch.addition().entries().getFirst());
    assertThat(entry.foreign()).isEqualTo(foreign);
    assertThat(batch.foreign()).isEqualTo(foreign ? 1 : 0);
    assertThat(entry.writer()).isEqualTo(writer);
    assertThat(((LogEntry.Line) entry.content()).text()).isEqualTo(line);
  }

  @Test
  void namesTheLineThatCannotBeRead() {
    refused("line 2 of 2, after record 1: a record", "{\"sequence\":1}", "{\"sequence\":}");
    refused("line 1 of 1: ", "");
    refused("sequence 1: expected more", "{\"sequence\":1}", "{\"sequence\":1}");
    refused("sequence 9007199254740992: expected", "{\"sequence\":9007199254740992}");
  }

  @Test
  void takesNoBombs() {
    refused("line 1 of 1", "{\"sequence\":1,\"a\":" + "[".repeat(20_000));
    refused("line 1 of 1", "{\"sequence\":1,\"a\":" + "9".repeat(60_000) + "}");
    refused("line 1 of 1", "{\"sequence\":1,\"a\":\"" + "x".repeat(65_600) + "\"}");
    refused("makes an entry of", "{\"sequence\":1,\"a\":\"" + "x".repeat(65_490) + "\"}");
    refused("line 1 of 1", "{\"sequence\":1,\"\\ud800\":1,\"\\ud800\":2}");
  }

  @Test
  void whatIsTakenCanBeReadFromItsEntryAndWhatCannotIsRefused() throws Exception {
    for (int depth = 1; depth < 40; depth++) {
      String line = "{\"sequence\":1,\"a\":" + "[".repeat(depth) + "]".repeat(depth) + "}";
      if (depth < 31) {
        byte[] entry = batch(WEB, line).addition().entries().getFirst();
        assertThat(((LogEntry.Line) LogEntry.parse(entry).content()).text()).isEqualTo(line);
      } else {
        refused("line 1 of 1", line);
      }
    }
    refused("does not begin with {", "\ufeff{\"sequence\":1}");
    refused("does not begin with {", " {\"sequence\":1}");
    refused("record 1 makes an entry that is not read as it was", "{\"sequence\":1} ");
    byte[] malformed = "{\"sequence\":1,\"a\":\"x\"}".getBytes(UTF_8);
    malformed[malformed.length - 3] = (byte) 0xff;
    assertThatThrownBy(
            () -> Batch.of(Logs.journal(WEB, 1), caller(WEB), RIGHTS, List.of(malformed), Logs.NOW))
        .isInstanceOf(StatusException.class);
  }

  @Test
  void manyNamesOfOneHashAreRefusedOrReadInTime() {
    // Names of which all parts have the same hash as strings.
    List<String> names = new ArrayList<>(List.of(""));
    for (int i = 0; i < 11; i++) {
      List<String> longer = new ArrayList<>();
      names.forEach(
          name -> {
            longer.add(name + "Aa");
            longer.add(name + "BB");
          });
      names = longer;
    }
    StringBuilder line = new StringBuilder("{\"sequence\":1");
    names.forEach(name -> line.append(",\"").append(name).append("\":1"));
    try {
      batch(WEB, line + "}");
    } catch (StatusException e) {
      assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
  }

  @Test
  void aMessageIsBounded() throws Exception {
    byte[] many = new byte[2 * (Message.MAX_LINES + 1)];
    for (int i = 0; i < many.length; i += 2) {
      many[i] = 0x12;
    }
    assertThat(Message.parse(Arrays.copyOf(many, many.length - 2)).lines())
        .hasSize(Message.MAX_LINES);
    assertThatThrownBy(() -> Message.parse(many)).hasMessageContaining("more than 4096 lines");
    assertThatThrownBy(() -> Message.parse(new byte[Message.MAX_BYTES + 1]))
        .hasMessageContaining("expected at most");
    assertThatThrownBy(() -> Message.parse(new byte[] {0x12, 0x7f, 1})).isNotNull();
    assertThatThrownBy(() -> Message.parse(new byte[] {0x0a, 1, (byte) 0xff})).isNotNull();
  }
}
