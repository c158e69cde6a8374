package io.signetmesh.audit.delivery;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.audit.RecordSequence;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/** A collector of one process, which does as the wire contract says unless a test wants more. */
final class FakeCollector extends AuditCollectorGrpc.AuditCollectorImplBase {
  private static final AtomicInteger NAMES = new AtomicInteger();
  private static final ManagedChannel NOBODY =
      InProcessChannelBuilder.forName("nobody").directExecutor().build();

  /** What it has, by journal: the numbers, in the order in which they became durable. */
  final Map<String, List<Long>> records = new ConcurrentHashMap<>();

  final Map<String, Long> durable = new ConcurrentHashMap<>();

  /** Lines that came again. */
  final AtomicInteger duplicates = new AtomicInteger();

  final AtomicInteger streams = new AtomicInteger();
  final AtomicInteger batches = new AtomicInteger();
  final AtomicInteger largest = new AtomicInteger();

  /** What it says instead of the number that is durable. */
  volatile LongUnaryOperator answer = LongUnaryOperator.identity();

  /** Whether the first message is answered. */
  volatile boolean greets = true;

  /** Whether batches are taken and not answered. */
  volatile boolean silent;

  /** The line with this number ends the stream. */
  volatile long refused;

  private final Set<StreamObserver<AuditReceipt>> open = ConcurrentHashMap.newKeySet();
  private @Nullable Server server;
  private volatile @Nullable ManagedChannel channel;

  void start() throws IOException {
    String name = "collector-" + NAMES.incrementAndGet();
    server = InProcessServerBuilder.forName(name).directExecutor().addService(this).build().start();
    channel = InProcessChannelBuilder.forName(name).directExecutor().build();
  }

  /** Is away from now on, and what it was told last has no receipt. */
  void stop() {
    Objects.requireNonNull(channel).shutdownNow();
    Objects.requireNonNull(server).shutdownNow();
    channel = null;
  }

  /** A channel to whatever runs now. */
  Channel channel() {
    return new Channel() {
      @Override
      public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
        ManagedChannel now = channel;
        return (now == null ? NOBODY : now).newCall(method, options);
      }

      @Override
      public String authority() {
        return "collector";
      }
    };
  }

  /** All numbers of all journals. */
  List<Long> all() {
    List<Long> all = new ArrayList<>();
    records.values().forEach(all::addAll);
    return all;
  }

  void endAll(Status status) {
    open.forEach(stream -> stream.onError(status.asRuntimeException()));
    open.clear();
  }

  @Override
  public StreamObserver<AuditBatch> deliver(StreamObserver<AuditReceipt> to) {
    streams.incrementAndGet();
    ServerCallStreamObserver<AuditReceipt> receipts = (ServerCallStreamObserver<AuditReceipt>) to;
    receipts.disableAutoRequest();
    receipts.request(1);
    open.add(receipts);
    return new StreamObserver<>() {
      private String journal = "";

      @Override
      public void onNext(AuditBatch batch) {
        boolean first = journal.isEmpty();
        if (first) {
          journal = batch.getJournal();
          if (!journal.matches("[0-9a-f]{32}") || batch.getLinesCount() > 0) {
            receipts.onError(Status.INVALID_ARGUMENT.asRuntimeException());
            return;
          }
        } else if (!take(batch)) {
          return;
        }
        if (first ? greets : !silent) {
          receipts.onNext(
              AuditReceipt.newBuilder()
                  .setDurableSequence(answer.applyAsLong(durable.getOrDefault(journal, 0L)))
                  .build());
        }
        receipts.request(1);
      }

      private boolean take(AuditBatch batch) {
        batches.incrementAndGet();
        largest.accumulateAndGet(batch.getSerializedSize(), Math::max);
        List<Long> numbers = new ArrayList<>();
        for (ByteString line : batch.getLinesList()) {
          byte[] bytes = line.toByteArray();
          long sequence = RecordSequence.of(bytes, 0, bytes.length);
          if (sequence == refused || sequence < 1) {
            receipts.onError(
                Status.INVALID_ARGUMENT.withDescription("line " + sequence).asRuntimeException());
            open.remove(receipts);
            return false;
          }
          numbers.add(sequence);
        }
        for (long sequence : numbers) {
          if (sequence <= durable.getOrDefault(journal, 0L)) {
            duplicates.incrementAndGet();
          } else {
            durable.put(journal, sequence);
            records
                .computeIfAbsent(journal, key -> Collections.synchronizedList(new ArrayList<>()))
                .add(sequence);
          }
        }
        return true;
      }

      @Override
      public void onError(Throwable cause) {
        open.remove(receipts);
      }

      @Override
      public void onCompleted() {
        open.remove(receipts);
        receipts.onCompleted();
      }
    };
  }
}
