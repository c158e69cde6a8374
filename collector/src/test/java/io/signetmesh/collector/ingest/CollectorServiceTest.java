package io.signetmesh.collector.ingest;

import static io.signetmesh.collector.log.Logs.brief;
import static io.signetmesh.collector.log.Logs.id;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FailingTiles;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Logs;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Everything runs on the thread of the test, which appends. */
@Timeout(60)
class CollectorServiceTest {
  private static final Metadata.Key<String> AS =
      Metadata.Key.of("as", Metadata.ASCII_STRING_MARSHALLER);
  private static final String WEB = "web.shop.serviceaccount.identity.linkerd.cluster.local";
  private static final String API = "api.shop.serviceaccount.identity.linkerd.cluster.local";

  private static final int MAX_STREAMS = 3_000;

  @TempDir Path directory;

  private final FailingTiles tiles = new FailingTiles();
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private CollectorLog log;
  private Appender appender;
  private IntakeBudget budget;
  private CollectorService service;
  private Server server;
  private long nanos;
  private boolean confirmed = true;
  private final WriterRates rates = new WriterRates(64 << 10, () -> nanos);
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    log = Logs.open(tiles, directory);
    IngestMeters meters = new IngestMeters(registry);
    appender =
        new Appender(log, FsyncPolicy.BATCH, () -> confirmed, meters, () -> Logs.NOW, () -> nanos);
    budget = new IntakeBudget(1 << 20);
    service =
        CollectorService.of(
            log,
            appender,
            budget,
            rates,
            new NamespaceRights("linkerd", "cluster.local"),
            meters,
            () -> Logs.NOW,
            MAX_STREAMS);
    server =
        InProcessServerBuilder.forName(directory.toString())
            .directExecutor()
            .addService(service)
            .intercept(new Callers())
            .build()
            .start();
    channel = InProcessChannelBuilder.forName(directory.toString()).directExecutor().build();
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    service.close();
    server.shutdownNow();
  }

  /** Makes the caller from a header. */
  private static final class Callers implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      String name = headers.get(AS);
      Caller caller =
          name == null
              ? new Caller.Unidentified()
              : new Caller.Identified(
                  new PeerIdentity(name, List.of(name), name.startsWith("spiffe://other")));
      return Contexts.interceptCall(
          Context.current().withValue(Caller.KEY, caller), call, headers, next);
    }
  }

  /** A writer's stream. It takes as many receipts as it was told to. */
  private final class Writer extends ClientCall.Listener<AuditReceipt> {
    final ClientCall<AuditBatch, AuditReceipt> call =
        channel.newCall(AuditCollectorGrpc.getDeliverMethod(), CallOptions.DEFAULT);
    final List<Long> receipts = new ArrayList<>();
    @Nullable Status end;

    Writer(String name, int takes) {
      Metadata headers = new Metadata();
      if (!name.isEmpty()) {
        headers.put(AS, name);
      }
      call.start(this, headers);
      call.request(takes);
    }

    Status end() {
      return Objects.requireNonNull(end, "it goes on");
    }

    Writer open(int journal) {
      send(AuditBatch.newBuilder().setJournal(id(journal)).build());
      return this;
    }

    Writer send(AuditBatch batch) {
      if (end == null) {
        call.sendMessage(batch);
      }
      return this;
    }

    Writer lines(String... lines) {
      return send(
          AuditBatch.newBuilder()
              .addAllLines(Arrays.stream(lines).map(ByteString::copyFromUtf8).toList())
              .build());
    }

    Writer records(long... sequences) {
      return lines(
          Arrays.stream(sequences)
              .mapToObj(sequence -> new String(Logs.line(sequence), UTF_8))
              .toArray(String[]::new));
    }

    @Override
    public void onMessage(AuditReceipt receipt) {
      receipts.add(receipt.getDurableSequence());
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      end = status;
    }
  }

  private Writer writer(String name) {
    return new Writer(name, 1_000);
  }

  private void late(Duration after) {
    service.endLate(System.nanoTime() + after.toNanos());
  }

  private String web(String text) {
    return text.replace("WEB", WEB).replace("API", API);
  }

  @Test
  void aReceiptComesWhenTheRecordsAreInTheLogAndNotBefore() throws Exception {
    Writer web = writer(WEB).open(1);
    assertThat(web.receipts).containsExactly(0L);

    web.records(1, 2).records(3);
    assertThat(web.receipts).containsExactly(0L);

    appender.appendNext();
    assertThat(web.receipts).containsExactly(0L, 2L);
    appender.appendNext();
    assertThat(web.receipts).containsExactly(0L, 2L, 3L);
    web.call.halfClose();
    assertThat(web.end().isOk()).isTrue();
    assertThat(writer(WEB).open(1).receipts).containsExactly(3L);
    assertThat(brief(tiles)).containsExactly(web("WEB:1"), web("WEB:2"), web("WEB:3"));
    assertThat(budget.taken()).isZero();
    assertThat(service.streams()).isEqualTo(1);
  }

  @Test
  void batchesOfManyStreamsAreWrittenTogetherAndAStreamHasOne() throws Exception {
    Writer web = writer(WEB).open(1).records(1).records(2);
    Writer api = writer(API).open(1).records(7);

    appender.appendNext();

    assertThat(web.receipts).containsExactly(0L, 1L);
    assertThat(api.receipts).containsExactly(0L, 7L);
    assertThat(brief(tiles)).containsExactly(web("WEB:1"), web("API:1-6"), web("API:7"));
    assertThat(registry.get("signet.audit.collector.missing.records").counter().count())
        .isEqualTo(6);
  }

  @Test
  void twoStreamsOfOneJournalMakeNoDuplicate() throws Exception {
    Writer first = writer(WEB).open(1).records(1, 2, 3);
    Writer second = writer(WEB).open(1).records(1, 2, 3, 4);
    appender.appendNext();
    first.records(4, 5);
    second.records(5);
    appender.appendNext();

    assertThat(first.receipts).containsExactly(0L, 3L, 5L);
    assertThat(second.receipts).containsExactly(0L, 4L, 5L);
    assertThat(brief(tiles))
        .containsExactly(web("WEB:1"), web("WEB:2"), web("WEB:3"), web("WEB:4"), web("WEB:5"));
    assertThat(registry.get("signet.audit.collector.duplicate.records").counter().count())
        .isEqualTo(5);
  }

  @Test
  void aJumpBlocksTheJournalOfItsWriterAndNoOther() {
    writer(API).open(1).records((1L << 53) - 1);
    Writer web = writer(WEB).open(1).records(1);
    appender.appendNext();

    assertThat(web.receipts).containsExactly(0L, 1L);
  }

  @Test
  void nothingIsTakenOfAMessageWithALineThatCannotBeRead() {
    Writer web = writer(WEB).open(1).lines("{\"sequence\":1}", "{\"sequence\":2");
    appender.appendNext();

    assertThat(web.end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(web.end().getDescription()).contains("line 2 of 2, after record 1");
    assertThat(log.checkpoint().size()).isZero();
    assertThat(budget.taken()).isZero();
  }

  @Test
  void theFirstMessageNamesTheJournalAndNoOtherDoes() {
    assertThat(writer(WEB).records(1).end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    Writer both =
        writer(WEB)
            .send(
                AuditBatch.newBuilder()
                    .setJournal(id(1))
                    .addLines(ByteString.copyFrom(Logs.line(1)))
                    .build());
    assertThat(both.end().getDescription()).contains("the first message has 1 lines");
    assertThat(writer(WEB).open(1).open(2).end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(writer(WEB).send(AuditBatch.newBuilder().setJournal("../x").build()).end().getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void strangersAreTurnedAway() {
    assertThat(writer("").end().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(writer("spiffe://other.example/ns/a/sa/b").end().getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void aDiskThatFailsEndsStreamsAndNothingIsLostOrDoubledWhenItIsBack() throws Exception {
    Writer web = writer(WEB).open(1).records(1);
    appender.appendNext();
    Writer waits = writer(API).open(1).records(1);
    web.records(2, 3);
    tiles.room = 2;
    appender.appendNext();

    assertThat(web.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(waits.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(service.isReady()).isFalse();
    assertThat(writer(WEB).open(1).end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(budget.taken()).isZero();

    tiles.room = -1;
    appender.retry();
    assertThat(service.isReady()).isTrue();
    Writer again = writer(WEB).open(1);
    assertThat(again.receipts).containsExactly(1L);
    again.records(2, 3);
    appender.appendNext();
    assertThat(again.receipts).containsExactly(1L, 3L);
    assertThat(brief(tiles)).containsExactly(web("WEB:1"), web("WEB:2"), web("WEB:3"));
  }

  @Test
  void aStreamThatIsCancelledGivesItsMemoryBack() {
    Writer web = writer(WEB).open(1).records(1);
    assertThat(budget.taken()).isPositive();

    web.call.cancel("gone", null);
    appender.appendNext();

    assertThat(budget.taken()).isZero();
    assertThat(service.streams()).isZero();
    assertThat(log.checkpoint().size()).isZero();
  }

  @Test
  void aWriterThatTakesNoReceiptIsAskedForNothingAndEnded() {
    Writer web = new Writer(WEB, 0).open(1);
    for (int i = 1; i < 10; i++) {
      web.records(i);
    }
    appender.appendNext();
    assertThat(log.checkpoint().size()).isLessThanOrEqualTo(1);

    late(DeliveryStream.TO_GO_ON.plusSeconds(1));
    assertThat(service.streams()).isZero();
    assertThat(budget.taken()).isZero();
  }

  @Test
  void aStreamThatDoesNotGoOnIsEnded() {
    Writer silent = writer(WEB);
    Writer idle = writer(WEB).open(1);
    Writer waits = writer(WEB).open(2).records(1);

    late(DeliveryStream.TO_OPEN.minusSeconds(1));
    assertThat(service.streams()).isEqualTo(3);
    late(DeliveryStream.TO_OPEN.plusSeconds(1));
    assertThat(silent.end().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    late(DeliveryStream.TO_GO_ON.plusSeconds(1));
    assertThat(waits.end().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(budget.taken()).isZero();
    assertThat(idle.end).isNull();
    late(DeliveryStream.IDLE.plusSeconds(1));
    assertThat(idle.end().getDescription()).contains("900 s for a message");
  }

  @Test
  void messagesWithoutRecordsDoNotKeepAStreamOpen() {
    Writer web = writer(WEB).open(1);
    service.endLate(System.nanoTime());
    long before = System.nanoTime();
    web.lines();
    assertThat(web.receipts).containsExactly(0L, 0L);

    service.endLate(before + DeliveryStream.IDLE.toNanos());
    assertThat(web.end().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
  }

  @Test
  void aStreamThatCannotBeEndedKeepsNoOtherFromItsEnd() {
    for (int i = 0; i < 8; i++) {
      Context.current()
          .withValue(Caller.KEY, new Caller.Identified(new PeerIdentity(API, List.of(API))))
          .run(
              () ->
                  service
                      .bindService()
                      .getMethod(CollectorService.DELIVER)
                      .getServerCallHandler()
                      .startCall(new Broken<>(), new Metadata()));
    }
    Writer silent = writer(WEB);

    late(DeliveryStream.TO_OPEN.plusSeconds(1));

    assertThat(silent.end().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
  }

  /** A call that cannot be closed. */
  private static final class Broken<Q, A> extends ServerCall<Q, A> {
    @Override
    public void request(int count) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(A message) {}

    @Override
    public void close(Status status, Metadata trailers) {
      throw new StackOverflowError("a test");
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void aWriterWithoutAStreamGetsOneFromTheWriterWithMost() {
    List<Writer> flood = new ArrayList<>();
    for (int i = 0; i < MAX_STREAMS; i++) {
      flood.add(writer((i % 3) + ".other.serviceaccount.identity.linkerd.cluster.local"));
    }
    for (int i = 0; service.streams() < MAX_STREAMS; i++) {
      writer("one" + i + ".other.serviceaccount.identity.linkerd.cluster.local");
    }

    Writer web = writer(WEB).open(1);

    assertThat(web.receipts).containsExactly(0L);
    assertThat(service.streams()).isEqualTo(MAX_STREAMS);
    assertThat(writer(WEB).end().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(flood.stream().filter(one -> one.end != null).map(one -> one.end().getDescription()))
        .anyMatch(text -> text != null && text.contains("more streams open than others"));
  }

  @Test
  void theStreamsOfAWriterAreBoundedAndThoseOfOthersAreNot() {
    for (int i = 0; i < CollectorService.MAX_STREAMS_OF_WRITER; i++) {
      assertThat(writer(WEB).end).isNull();
    }
    assertThat(writer(WEB).end().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(writer(API).open(1).receipts).containsExactly(0L);
  }

  @Test
  void aWriterThatHoldsItsShareOfMemoryIsRefusedAndOthersAreServed() {
    String big = "x".repeat(60_000);
    Writer last = writer(WEB).open(0);
    for (int i = 1; last.end == null && i < 20; i++) {
      last = writer(WEB).open(i).lines("{\"sequence\":1,\"a\":\"" + big + "\"}");
    }
    assertThat(last.end().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(budget.taken()).isLessThanOrEqualTo(1 << 19);

    assertThat(writer(API).open(1).records(1).end).isNull();
    while (budget.taken() > 0) {
      appender.appendNext();
    }
    assertThat(log.durable(Logs.journal(API, 1))).isEqualTo(1);
  }

  @Test
  void aWriterThatDeliversMoreThanItsRateIsNotAskedForMoreAndOthersAre() {
    String big = "x".repeat(60_000);
    Writer web = writer(WEB).open(1);
    for (int i = 1; i < 100; i++) {
      web.lines("{\"sequence\":" + i + ",\"a\":\"" + big + "\"}");
      appender.appendNext();
    }
    // A burst of 1 MiB, and what was asked for with it.
    long burst = log.durable(Logs.journal(WEB, 1));
    assertThat(burst).isBetween(17L, 18L);
    late(DeliveryStream.TO_GO_ON.plusSeconds(1));
    assertThat(web.end).isNull();

    writer(API).open(1).records(1);
    appender.appendNext();
    assertThat(log.durable(Logs.journal(API, 1))).isEqualTo(1);
    nanos += Duration.ofSeconds(1).toNanos();
    rates.tick();
    appender.appendNext();
    assertThat(log.durable(Logs.journal(WEB, 1))).isEqualTo(burst + 1);
  }

  @Test
  void aFloodOfOneWriterDoesNotPutOthersBehindIt() {
    String big = "x".repeat(60_000);
    for (int i = 0; i < 4; i++) {
      writer(WEB).open(i).lines("{\"sequence\":1,\"a\":\"" + big + "\"}");
    }
    writer(API).open(1).records(1);
    appender.appendNext();

    assertThat(registry.get("signet.audit.collector.records").counter().count()).isEqualTo(5);
    assertThat(log.durable(Logs.journal(API, 1))).isEqualTo(1);
  }

  @Test
  void closingGivesBackWhatWaits() throws Exception {
    Writer web = writer(WEB).open(1).records(1);
    service.close();

    assertThat(web.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(writer(WEB).end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(budget.taken()).isZero();
  }
}
