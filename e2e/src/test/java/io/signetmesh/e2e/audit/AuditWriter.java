package io.signetmesh.e2e.audit;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Delivers decisions of some workloads to a collector that takes clear text. */
final class AuditWriter {
  private static final String JOURNAL = "%032x".formatted(0xa0d1);
  private static final int BATCH = 500;

  private final int port;
  private long sequence;

  AuditWriter(int port) {
    this.port = port;
  }

  /** A record of one of five workloads. */
  static String line(long sequence) {
    return "{\"sequence\":"
        + sequence
        + ",\"time\":\"2026-11-30T10:00:00Z\",\"decision\":{\"workload\":\"shop/web-"
        + sequence % 5
        + "\",\"client_address\":\"10.1.0.4:40112\",\"method\":\"GET\",\"path\":\"/\u00fc/"
        + sequence
        + "\",\"verdict\":\"allow\",\"reason\":\"authorized\"}}";
  }

  /** Delivers so many more records: all are acknowledged when this returns. */
  void deliver(int count) throws InterruptedException {
    long last = sequence + count;
    BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
    try {
      StreamObserver<AuditBatch> stream =
          AuditCollectorGrpc.newStub(channel)
              .deliver(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(AuditReceipt receipt) {
                      answers.add(receipt);
                    }

                    @Override
                    public void onError(Throwable failure) {
                      answers.add(failure);
                    }

                    @Override
                    public void onCompleted() {}
                  });
      stream.onNext(AuditBatch.newBuilder().setJournal(JOURNAL).build());
      while (true) {
        Object answer = answers.poll(60, TimeUnit.SECONDS);
        if (!(answer instanceof AuditReceipt receipt)) {
          throw new AssertionError("no receipt", answer instanceof Throwable t ? t : null);
        }
        sequence = receipt.getDurableSequence();
        if (sequence >= last) {
          stream.onCompleted();
          return;
        }
        AuditBatch.Builder batch = AuditBatch.newBuilder();
        for (long i = sequence + 1; i <= Math.min(last, sequence + BATCH); i++) {
          batch.addLines(com.google.protobuf.ByteString.copyFromUtf8(line(i)));
        }
        stream.onNext(batch.build());
      }
    } finally {
      channel.shutdownNow();
    }
  }
}
