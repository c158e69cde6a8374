package io.signetmesh.proxy.netns;

import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Sockets for what one proxy dials, made in its namespace before they are needed: event loops do
 * not wait for the thread that makes them. The more are needed while none is there, the more are
 * made at once, up to {@value #MAX_BATCH}. What nobody takes for some seconds is closed.
 * Thread-safe.
 */
public final class SocketStock implements AutoCloseable {
  static final int MAX_BATCH = 16;

  /** Dials that wait for a socket, of each family. More are refused. */
  static final int MAX_WAITING = 1024;

  private final NetworkNamespace namespace;
  private final Family ipv4 = new Family(false);
  private final Family ipv6 = new Family(true);
  private boolean closed;

  private static final class Family {
    private final boolean ipv6;
    private final Deque<FileDescriptor> ready = new ArrayDeque<>();
    private final Deque<CompletableFuture<FileDescriptor>> waiting = new ArrayDeque<>();
    private int batch = 1;
    private boolean making;
    private boolean taken;

    Family(boolean ipv6) {
      this.ipv6 = ipv6;
    }
  }

  /**
   * @param namespace where the sockets are made; not closed with the stock
   */
  public SocketStock(NetworkNamespace namespace) {
    this.namespace = namespace;
  }

  /** Name of the namespace, for messages. */
  public String name() {
    return namespace.name();
  }

  /**
   * Takes a socket.
   *
   * @return completes with a TCP socket that is the caller's; at once when one is there, else on
   *     another thread. Whoever waits no longer completes it: then the socket stays in the stock
   */
  public CompletableFuture<FileDescriptor> take(boolean forIpv6) {
    CompletableFuture<FileDescriptor> result = new CompletableFuture<>();
    Family family = forIpv6 ? ipv6 : ipv4;
    FileDescriptor found;
    boolean make = false;
    String refusal = null;
    synchronized (this) {
      family.taken = true;
      found = closed ? null : family.ready.poll();
      if (closed) {
        refusal = "no socket in " + name() + ": the proxy has ended";
      } else if (found == null && family.waiting.size() >= MAX_WAITING) {
        refusal = "no socket in " + name() + ": " + MAX_WAITING + " connections wait already";
      } else {
        if (found == null) {
          family.waiting.add(result);
          family.batch = Math.min(MAX_BATCH, 2 * family.batch);
        }
        make = !family.making && family.ready.size() < family.batch / 2;
        family.making |= make;
      }
    }
    if (refusal != null) {
      result.completeExceptionally(new IOException(refusal));
    } else if (found != null) {
      result.complete(found);
    }
    if (make) {
      make(family);
    }
    return result;
  }

  private void make(Family family) {
    int count;
    synchronized (this) {
      count = Math.max(family.batch, Math.min(MAX_BATCH, family.waiting.size()));
    }
    namespace.sockets(count, family.ipv6).whenComplete(made(family));
  }

  private BiConsumer<@Nullable List<FileDescriptor>, @Nullable Throwable> made(Family family) {
    return (sockets, failure) -> {
      if (sockets != null) {
        sockets.forEach(socket -> add(family, socket));
      }
      List<CompletableFuture<FileDescriptor>> failed = new ArrayList<>();
      boolean more;
      synchronized (this) {
        if (failure != null) {
          failed.addAll(family.waiting);
          family.waiting.clear();
        }
        family.waiting.removeIf(CompletableFuture::isDone);
        more = !closed && !family.waiting.isEmpty();
        family.making = more;
      }
      if (failure != null) {
        failed.forEach(each -> each.completeExceptionally(failure));
      }
      if (more) {
        make(family);
      }
    };
  }

  /** Gives a socket to who waits longest, or puts it into the stock. */
  private void add(Family family, FileDescriptor socket) {
    while (true) {
      CompletableFuture<FileDescriptor> next;
      synchronized (this) {
        next = family.waiting.poll();
        if (next == null && !closed) {
          family.ready.add(socket);
          return;
        }
      }
      if (next == null) {
        close(socket);
        return;
      }
      if (next.complete(socket)) {
        return;
      }
    }
  }

  /** Closes what nobody has needed since the last call. */
  public void tidy() {
    List<FileDescriptor> unused = new ArrayList<>();
    synchronized (this) {
      for (Family family : List.of(ipv4, ipv6)) {
        if (!family.taken) {
          unused.addAll(family.ready);
          family.ready.clear();
          family.batch = 1;
        }
        family.taken = false;
      }
    }
    unused.forEach(SocketStock::close);
  }

  /** Closes the sockets that nobody has taken. Whoever waits for one fails. */
  @Override
  public void close() {
    List<FileDescriptor> unused = new ArrayList<>();
    List<CompletableFuture<FileDescriptor>> failed = new ArrayList<>();
    synchronized (this) {
      closed = true;
      for (Family family : List.of(ipv4, ipv6)) {
        unused.addAll(family.ready);
        family.ready.clear();
        failed.addAll(family.waiting);
        family.waiting.clear();
      }
    }
    unused.forEach(SocketStock::close);
    IOException ended = new IOException("no socket in " + name() + ": the proxy has ended");
    failed.forEach(each -> each.completeExceptionally(ended));
  }

  private static void close(FileDescriptor socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed all the same.
    }
  }
}
