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
 * The memory account of an accepted connection and of the connections that were dialled for it
 * alone. It is closed when all of them are. Confined to its loop.
 *
 * <p>Heads of messages are charged while they wait. Buffers are not charged: when memory is short,
 * the handlers that hold them are asked ({@link BufferHolder}), and pending writes are added up.
 */
public final class ConnectionMemory {
  private static final AttributeKey<ConnectionMemory> KEY =
      AttributeKey.valueOf(ConnectionMemory.class, "memory");

  /** Approximate heap of a connection with its handlers, in bytes. */
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
   * Approximate heap of a head, in bytes.
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
   * Approximate heap of a part of a head, in bytes.
   *
   * @param bytes on the wire
   * @param fields header fields
   */
  public static long heapOf(int bytes, int fields) {
    return bytes + (long) fields * FIELD_HEAP;
  }

  /**
   * Sets what runs when the connection is closed because of its memory. It gets the reason, for the
   * audit record.
   */
  public void onShed(Consumer<String> action) {
    shed = action;
  }

  /** States whether writes to the client are responses, which it must read at {@link Pace}. */
  public void answers(boolean written) {
    owesReading = written;
    waiting = false;
  }

  /** Bytes were written to the client, before TLS. */
  public void written(int bytes) {
    written += bytes;
  }

  /** Adds the memory of a TLS session. */
  public void tls() {
    reserved += TLS_BUFFERS;
    loop.addReserved(TLS_BUFFERS);
  }

  /** The client has proven an identity. Its memory is charged to the identity from now on. */
  public void identified(String identity) {
    if (open > 0) {
      client.addHeads(-heads);
      loop.leave(client);
      client = loop.join(identity, true);
      client.addHeads(heads);
    }
  }

  /**
   * Whether the head of one more request fits into the memory of the loop and the share of the
   * client.
   */
  public boolean hasRoomForHeads(long bytes) {
    return loop.hasRoomForHeads(client, bytes);
  }

  /**
   * Charges or releases the heap of waiting heads.
   *
   * @param bytes heap to charge; negative to release
   */
  public void addHeads(long bytes) {
    if (open > 0 && !beingShed) {
      heads += bytes;
      heap += bytes;
      client.addHeads(bytes);
      loop.addHeap(bytes);
    }
  }

  /**
   * Adds a connection that was dialled for this one alone. Its memory is charged to this account,
   * too.
   */
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

  /** Bytes held in the pipeline of a channel, pending writes included. */
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
