package io.signetmesh.proxy.memory;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.AttributeKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The account of an accepted connection: what it holds of the memory of its loop, together with the
 * connections that were dialled for it alone. Closed when all of them are. Confined to its loop.
 *
 * <p>Heads of messages are charged when they begin to wait and released when they do not wait any
 * longer. Buffers are not charged: when memory is short, the handlers that keep them are asked
 * ({@link BufferHolder}), and what is queued for writing is looked up.
 */
public final class ConnectionMemory {
  private static final AttributeKey<ConnectionMemory> KEY =
      AttributeKey.valueOf(ConnectionMemory.class, "memory");

  /** Bytes of heap that a connection with its handlers takes, about. */
  static final int BASE_HEAP = 6 * 1024;

  /** Bytes of buffers: one to read into. */
  static final int BASE_BUFFERS = 2 * 1024;

  /** Bytes outside the heap that a TLS session takes: its state, and a record that is not whole. */
  private static final int TLS_BUFFERS = 24 * 1024;

  /** Bytes of heap of a header field besides its text: entry, two strings, two arrays. */
  private static final int FIELD_HEAP = 112;

  /** What Netty counts for each buffer that is queued, besides its bytes. */
  private static final int ENTRY_OVERHEAD = 96;

  /** Bytes that TLS may add to what waits, and is not counted as written. */
  private static final int SLACK = 8 * 1024;

  private final LoopMemory loop;
  private final Channel channel;
  private final long order;
  private ClientMemory client;
  private @Nullable List<Channel> dialled;
  private @Nullable Consumer<String> shed;
  private int open = 1;
  private boolean beingShed;
  private long shedBuffers;
  private boolean owesReading;
  private boolean waiting;
  private long written;
  private long writtenBefore;
  private long takenBefore;
  private long reserved = BASE_BUFFERS;
  private long heap = BASE_HEAP;
  private long heads;
  private long measured;

  ConnectionMemory(LoopMemory loop, Channel channel, ClientMemory client, long order) {
    this.loop = loop;
    this.channel = channel;
    this.client = client;
    this.order = order;
    channel.attr(KEY).set(this);
    channel.closeFuture().addListener(closed -> closedOne());
  }

  /** The account of an accepted connection; null where none is kept. */
  public static @Nullable ConnectionMemory of(Channel channel) {
    return channel.attr(KEY).get();
  }

  /**
   * Heap that a head takes, about.
   *
   * @param head names and values
   */
  public static long heapOf(
      Iterable<? extends Map.Entry<? extends CharSequence, ? extends CharSequence>> head) {
    long bytes = 0;
    for (Map.Entry<? extends CharSequence, ? extends CharSequence> field : head) {
      bytes += heapOf(field.getKey().length() + field.getValue().length(), 1);
    }
    return bytes;
  }

  /**
   * Heap that part of a head takes, about.
   *
   * @param bytes on the wire
   * @param fields header fields
   */
  public static long heapOf(int bytes, int fields) {
    return bytes + (long) fields * FIELD_HEAP;
  }

  /** Runs when the connection is closed for what it holds, with the reason, to put it on record. */
  public void onShed(Consumer<String> action) {
    shed = action;
  }

  /** What is written to the client are answers, which it has to read. */
  public void answers(boolean written) {
    owesReading = written;
    waiting = false;
  }

  /** Bytes were written to the client, before TLS. */
  public void written(int bytes) {
    written += bytes;
  }

  /** TLS is spoken: a session is set up. */
  public void tls() {
    reserved += TLS_BUFFERS;
    loop.addReserved(TLS_BUFFERS);
  }

  /** The client has proven an identity; what it holds counts for that from now on. */
  public void identified(String identity) {
    if (open > 0) {
      client.addHeads(-heads);
      loop.leave(client);
      client = loop.join(identity, true);
      client.addHeads(heads);
    }
  }

  /** Whether there is room for the head of one more request, also in its client's share. */
  public boolean hasRoomForHeads(long bytes) {
    return loop.hasRoomForHeads(client, bytes);
  }

  /**
   * Heads wait, or wait no longer.
   *
   * @param bytes of heap; negative: they wait no longer
   */
  public void addHeads(long bytes) {
    if (open > 0 && !beingShed) {
      heads += bytes;
      heap += bytes;
      client.addHeads(bytes);
      loop.addHeap(bytes);
    }
  }

  /** A connection was dialled for this one alone: what waits there is held for it as well. */
  public void dialled(Channel other) {
    if (open == 0) {
      // The client is gone and its account is settled; what it sent before is handed on.
      return;
    }
    if (dialled == null) {
      dialled = new ArrayList<>(1);
    }
    dialled.add(other);
    open++;
    other.closeFuture().addListener(closed -> closedOne());
  }

  private void closedOne() {
    if (--open == 0) {
      loop.closed(this, client);
      client.addHeads(-heads);
    }
  }

  // ---- for the loop

  long reserved() {
    return reserved;
  }

  long heap() {
    return heap;
  }

  long order() {
    return order;
  }

  ClientMemory client() {
    return client;
  }

  /** What it held when it was last measured. */
  long measured() {
    return measured;
  }

  boolean isShed() {
    return beingShed;
  }

  /** Bytes of buffers that it held when it was shed. */
  long shedBuffers() {
    return shedBuffers;
  }

  /**
   * Whether the client has not read in time what waits for it: neither all that waited when this
   * was last asked, nor at the least rate.
   *
   * @param least bytes since then
   */
  boolean readsTooSlowly(long least) {
    ChannelOutboundBuffer queued = channel.unsafe().outboundBuffer();
    if (!owesReading || beingShed || queued == null) {
      return false;
    }
    long pending = queued.totalPendingWriteBytes() - (long) queued.size() * ENTRY_OVERHEAD;
    long taken = written - Math.max(0, pending);
    boolean late = waiting && taken + SLACK < writtenBefore && taken - takenBefore < least;
    waiting = pending > 0;
    writtenBefore = written;
    takenBefore = taken;
    return late;
  }

  void measureHeap() {
    measured = heap;
  }

  void measureBuffers() {
    long bytes = reserved + held(channel);
    List<Channel> others = dialled;
    if (others != null) {
      for (int i = 0; i < others.size(); i++) {
        bytes += held(others.get(i));
      }
    }
    measured = bytes;
  }

  /** Bytes that wait in the pipeline of a channel, and to be written. */
  public static long held(Channel channel) {
    long bytes = 0;
    ChannelOutboundBuffer queued = channel.unsafe().outboundBuffer();
    if (queued != null) {
      bytes += queued.totalPendingWriteBytes();
    }
    for (Map.Entry<String, ChannelHandler> entry : channel.pipeline()) {
      if (entry.getValue() instanceof BufferHolder holder) {
        bytes += holder.heldBytes();
      }
    }
    return bytes;
  }

  void queueAtMost(WriteBufferWaterMark marks) {
    channel.config().setWriteBufferWaterMark(marks);
    List<Channel> others = dialled;
    if (others != null) {
      others.forEach(other -> other.config().setWriteBufferWaterMark(marks));
    }
  }

  /** Closes the connection at once; what waits is thrown away, and the client sees a reset. */
  void shed(String why) {
    beingShed = true;
    measureBuffers();
    shedBuffers = measured;
    loop.shed(this);
    Consumer<String> action = shed;
    try {
      if (action != null && channel.isOpen()) {
        action.accept(why);
      }
    } finally {
      // Whatever becomes of the record, the memory is given back.
      reset(channel);
      List<Channel> others = dialled;
      if (others != null) {
        List.copyOf(others).forEach(ConnectionMemory::reset);
      }
    }
  }

  /** Past the handlers, of which that of TLS would wait until the client reads its last words. */
  static void reset(Channel channel) {
    if (channel.isOpen()) {
      try {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
      } catch (ChannelException e) {
        // The socket is gone already.
      }
      channel.unsafe().close(channel.unsafe().voidPromise());
    }
  }
}
