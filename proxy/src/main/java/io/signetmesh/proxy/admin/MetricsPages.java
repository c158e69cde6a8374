package io.signetmesh.proxy.admin;

import io.netty.channel.EventLoop;
import io.signetmesh.proxy.metrics.registry.Exposition;
import io.signetmesh.proxy.worker.FairWorkers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pages of metrics of one admin server. They are made by a thread of their own, on which admin
 * servers take turns, so that the loop goes on meanwhile. Where a process has several workloads, a
 * page serves all that ask for it for {@link #KEPT}; else all that ask before it is begun. Confined
 * to the loop.
 */
final class MetricsPages implements AutoCloseable {
  /** How long a page is kept. */
  static final Duration KEPT = Duration.ofSeconds(1);

  private static final Logger log = LoggerFactory.getLogger(MetricsPages.class);

  private final EventLoop loop;
  private final FairWorkers.Lane lane;
  private final Room room;
  private final Map<Key, Made> pages = new HashMap<>();

  /**
   * Which page.
   *
   * @param name names it among those of the server
   * @param gzip whether it is compressed
   */
  record Key(String name, Exposition.Format format, boolean gzip) {}

  /** Writes metrics; from any thread. */
  @FunctionalInterface
  interface Page {
    void write(OutputStream out, Exposition.Format format) throws IOException;
  }

  /** Pages of all servers that are kept, in bytes. Confined to the loop. */
  static final class Room {
    private final boolean keeps;
    private final long most;
    private long held;

    /**
     * @param keeps whether pages are kept at all
     * @param most bytes that are kept; beyond, a page is for those who wait for it, and nobody else
     *     gets one before {@link #KEPT} is over
     */
    Room(boolean keeps, long most) {
      this.keeps = keeps;
      this.most = most;
    }
  }

  /** A page that is asked for, or made. */
  private final class Made implements FairWorkers.Work {
    private final Key key;
    private final Page page;
    private final CompletableFuture<byte[]> bytes = new CompletableFuture<>();
    private volatile boolean begun;
    private boolean dropped;

    Made(Key key, Page page) {
      this.key = key;
      this.page = page;
    }

    @Override
    public void run() {
      begun = true;
      byte[] made;
      try {
        made = write();
      } catch (IOException | RuntimeException e) {
        log.warn("a page of metrics failed", e);
        onLoop(() -> failed(this, e));
        return;
      }
      onLoop(() -> made(this, made));
    }

    private byte[] write() throws IOException {
      ByteArrayOutputStream plain = new ByteArrayOutputStream(16 * 1024);
      try (OutputStream out = key.gzip() ? new GZIPOutputStream(plain, 4096) : plain) {
        page.write(out, key.format());
      }
      return plain.toByteArray();
    }

    @Override
    public void giveUp() {
      onLoop(() -> failed(this, new IOException("others were before it for too long")));
    }
  }

  /**
   * @param workers make the pages
   * @param room what the servers of the loop have in common
   */
  MetricsPages(EventLoop loop, FairWorkers workers, Room room) {
    this.loop = loop;
    this.lane = workers.lane();
    this.room = room;
  }

  /**
   * A page.
   *
   * @return completes on the loop, exceptionally when the page cannot be had now
   */
  CompletableFuture<byte[]> get(Key key, Page page) {
    Made last = pages.get(key);
    if (last != null && last.dropped) {
      return CompletableFuture.failedFuture(
          new IOException("the page is too large to be had more than once a second"));
    }
    if (last != null && (room.keeps || !last.begun)) {
      return last.bytes;
    }
    Made next = new Made(key, page);
    if (!lane.submit(this, 0, next)) {
      return CompletableFuture.failedFuture(new IOException("no page can be made now"));
    }
    pages.put(key, next);
    return next.bytes;
  }

  private void onLoop(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // The loop ends, and who waits there with it.
    }
  }

  private void made(Made page, byte[] bytes) {
    if (!room.keeps) {
      pages.remove(page.key, page);
    } else if (room.held + bytes.length > room.most) {
      page.dropped = true;
      later(() -> pages.remove(page.key, page));
    } else {
      room.held += bytes.length;
      later(
          () -> {
            room.held -= bytes.length;
            pages.remove(page.key, page);
          });
    }
    page.bytes.complete(bytes);
  }

  private void failed(Made page, Exception cause) {
    if (room.keeps) {
      later(() -> pages.remove(page.key, page));
    } else {
      pages.remove(page.key, page);
    }
    page.bytes.completeExceptionally(cause);
  }

  private void later(Runnable task) {
    try {
      loop.schedule(task, KEPT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      // The loop ends.
    }
  }

  /** Makes no more pages; from any thread. */
  @Override
  public void close() {
    lane.close();
  }
}
