package io.signetmesh.proxy.netns;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.linux.LinuxCalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A network namespace other than the one of the process, given as a descriptor. A socket belongs to
 * the namespace in which it was made, whoever binds or connects it later. So only the making is
 * done inside, by a {@link NamespaceThread}.
 *
 * <p>The handle keeps the namespace alive. Thread-safe.
 */
public final class NetworkNamespace implements Network {
  /** How long whoever needs sockets waits for them. */
  static final Duration WAIT = Duration.ofSeconds(5);

  private static final String LINK = "net:[";

  private final NamespaceThread thread;
  private final String owner;
  private final String link;
  private final int descriptor;
  private final int mark;

  /** Requests that use the descriptor; it is closed after the last one. */
  private int uses;

  private boolean closed;

  private NetworkNamespace(
      NamespaceThread thread, String owner, String link, int descriptor, int mark) {
    this.thread = thread;
    this.owner = owner;
    this.link = link;
    this.descriptor = descriptor;
    this.mark = mark;
  }

  /**
   * Holds a namespace.
   *
   * @param thread makes the sockets
   * @param owner whose namespace it is, for messages: {@code namespace/name}
   * @param descriptor descriptor of the namespace; it belongs to the result, and is closed when
   *     this fails
   * @param mark mark of all packets that the sockets send ({@code SO_MARK}), which rules of
   *     redirection can skip; 0: none
   * @throws IOException when it is no network namespace
   */
  public static NetworkNamespace of(NamespaceThread thread, String owner, int descriptor, int mark)
      throws IOException {
    boolean held = false;
    try {
      String link = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      if (!link.startsWith(LINK)) {
        throw new IOException(
            "descriptor of " + owner + " is " + link + ": expected a network namespace");
      }
      NetworkNamespace namespace = new NetworkNamespace(thread, owner, link, descriptor, mark);
      held = true;
      return namespace;
    } finally {
      if (!held) {
        LinuxCalls.close(descriptor);
      }
    }
  }

  /**
   * Opens a namespace by a file, as {@code /run/netns/NAME} or {@code /proc/PROCESS/ns/net}.
   *
   * @throws IOException when the file cannot be opened or is no network namespace
   */
  public static NetworkNamespace open(NamespaceThread thread, String owner, Path file, int mark)
      throws IOException {
    return of(thread, owner, LinuxCalls.open(file), mark);
  }

  @Override
  public String name() {
    return link + " of " + owner;
  }

  /** Mark of all packets that the sockets send; 0: none. */
  public int mark() {
    return mark;
  }

  @Override
  public synchronized NetworkNamespace copy() throws IOException {
    if (closed) {
      throw isClosed();
    }
    return new NetworkNamespace(thread, owner, link, LinuxCalls.duplicate(descriptor), mark);
  }

  /**
   * A duplicate of the descriptor, for another process.
   *
   * @return the caller has to close it
   * @throws IOException when this handle is closed, or no more descriptors can be had
   */
  public synchronized FileDescriptor duplicate() throws IOException {
    if (closed) {
      throw isClosed();
    }
    return new FileDescriptor(LinuxCalls.duplicate(descriptor));
  }

  /** By the number that the kernel gives each namespace, as long as it lives: both handles do. */
  @Override
  public boolean isSame(Network other) {
    return other instanceof NetworkNamespace namespace && link.equals(namespace.link);
  }

  /**
   * Makes TCP sockets inside the namespace, which are not bound.
   *
   * @return completes with {@code count} descriptors, which are then the caller's; whoever waits no
   *     longer completes it, and the sockets are closed
   */
  public CompletableFuture<List<FileDescriptor>> sockets(int count, boolean ipv6) {
    synchronized (this) {
      if (closed) {
        return CompletableFuture.failedFuture(isClosed());
      }
      uses++;
    }
    return thread.make(this, count, ipv6);
  }

  /**
   * As {@link #sockets}. Blocks for at most 5 s; not for event loops.
   *
   * @throws IOException when they cannot be made; the message names the namespace
   */
  public List<FileDescriptor> awaitSockets(int count, boolean ipv6) throws IOException {
    CompletableFuture<List<FileDescriptor>> made = sockets(count, ipv6);
    try {
      return made.get(WAIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(String.valueOf(cause.getMessage()), cause);
    } catch (TimeoutException | InterruptedException e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      if (!made.cancel(false) && !made.isCompletedExceptionally()) {
        return made.join();
      }
      throw new IOException("no socket in " + name() + " within " + WAIT, e);
    }
  }

  int descriptor() {
    return descriptor;
  }

  /** A request of {@link #sockets} is over. */
  void used() {
    synchronized (this) {
      uses--;
      if (!closed || uses > 0) {
        return;
      }
    }
    LinuxCalls.close(descriptor);
  }

  private IOException isClosed() {
    return new IOException(name() + " is closed");
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      if (uses > 0) {
        return;
      }
    }
    LinuxCalls.close(descriptor);
  }
}
