package io.signetmesh.collector;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A writer with a journal of so many records, all of which it still has. One thread. */
final class ModelWriter {
  private final String journal;
  private final long records;
  private final int batch;

  /** The highest number that was ever acknowledged. */
  long acknowledged;

  /**
   * @param batch records of a message
   */
  ModelWriter(String journal, long records, int batch) {
    this.journal = journal;
    this.records = records;
    this.batch = batch;
  }

  static ByteString line(long sequence) {
    return ByteString.copyFromUtf8(
        "{\"sequence\":"
            + sequence
            + ",\"time\":\"2026-11-30T10:00:00Z\",\"decision\":{"
            + "\"workload\":\"shop/web\",\"verdict\":\"allow\"}}");
  }

  /**
   * Delivers on one stream until all is acknowledged or the stream ends.
   *
   * @return how it ended; OK when all is acknowledged
   */
  Status deliver(Channel channel) throws InterruptedException {
    BlockingQueue<Object> events = new LinkedBlockingQueue<>();
    ClientCall<AuditBatch, AuditReceipt> call =
        channel.newCall(AuditCollectorGrpc.getDeliverMethod(), CallOptions.DEFAULT);
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(AuditReceipt receipt) {
            events.add(receipt);
            call.request(1);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            events.add(status);
          }
        },
        new Metadata());
    call.request(1);
    call.sendMessage(AuditBatch.newBuilder().setJournal(journal).build());
    while (true) {
      Object event = events.poll(30, TimeUnit.SECONDS);
      if (!(event instanceof AuditReceipt receipt)) {
        return event instanceof Status status
            ? status
            : Status.DEADLINE_EXCEEDED.withDescription("no receipt in 30 s");
      }
      long durable = receipt.getDurableSequence();
      if (durable < acknowledged) {
        call.cancel("lost", null);
        return Status.DATA_LOSS.withDescription(acknowledged + " was acknowledged, not " + durable);
      }
      acknowledged = durable;
      if (durable >= records) {
        call.halfClose();
        continue;
      }
      AuditBatch.Builder next = AuditBatch.newBuilder();
      for (long i = durable + 1; i <= Math.min(records, durable + batch); i++) {
        next.addLines(line(i));
      }
      call.sendMessage(next.build());
    }
  }
}
