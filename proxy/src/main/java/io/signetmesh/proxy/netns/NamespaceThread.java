package io.signetmesh.proxy.netns;

import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.linux.LinuxCalls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only thread of the process that ever is in another network namespace. It enters one with
 * setns(2), makes sockets there, and returns, before it does anything else: a thread that is
 * started inherits the namespace of the one that starts it, and whoever is told of a result may
 * start threads.
 *
 * <p>The namespaces of workloads take turns: after a request of one, each other one that waits has
 * one served. Few requests of a namespace may wait, for at most {@link NetworkNamespace#WAIT}.
 *
 * <p>If the thread cannot return, it ends. A guard, which never is elsewhere, tells whoever waited
 * for it and starts another one. Needs {@code CAP_SYS_ADMIN} in the user namespaces of the process
 * and of the network namespace, and for marks {@code CAP_NET_ADMIN} or {@code CAP_NET_RAW} in the
 * latter.
 */
public final class NamespaceThread implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NamespaceThread.class);

  /**
   * Requests of the namespace of one workload that wait. More are refused. Each of its proxies, the
   * ones that drain too, needs two at a time ({@link SocketStock}), and one for each listener.
   */
  static final int MAX_WAITING = 64;

  /** Between two looks at what has waited too long. */
  private static final long LOOK_MILLIS = 1_000;

  private final Calls calls;
  private final LongSupplier nanoTime;

  /** By the namespaces' names: whose turn is next comes first. Guarded by this. */
  private final Map<String, Queue<Request>> waiting = new LinkedHashMap<>();

  private @Nullable Thread guard;
  private volatile boolean closed;

  /** What the thread was doing when it ended, if it has not finished it. Read when it has ended. */
  private @Nullable Lost lost;

  /** Why the thread could not begin. Read when it has ended. */
  private @Nullable IOException noHome;

  /** The system calls, and those of tests. */
  interface Calls {
    /** A descriptor of the namespace of the calling thread. */
    int home() throws IOException;

    void enter(int namespace) throws IOException;

    int socket(boolean ipv6, int mark) throws IOException;

    void close(int descriptor);
  }

  private record Request(
      NetworkNamespace namespace,
      int count,
      boolean ipv6,
      long since,
      CompletableFuture<List<FileDescriptor>> made) {}

  private record Lost(Request request, IOException cause) {}

  /** Makes no thread until it is needed. */
  public NamespaceThread() {
    this(new OfLinux(), System::nanoTime);
  }

  NamespaceThread(Calls calls, LongSupplier nanoTime) {
    this.calls = calls;
    this.nanoTime = nanoTime;
  }

  /** Asks for sockets; the result is completed in the namespace of the process. */
  CompletableFuture<List<FileDescriptor>> make(
      NetworkNamespace namespace, int count, boolean ipv6) {
    CompletableFuture<List<FileDescriptor>> made = new CompletableFuture<>();
    Request request = new Request(namespace, count, ipv6, nanoTime.getAsLong(), made);
    List<Request> givenUp = new ArrayList<>(0);
    String refusal = null;
    synchronized (this) {
      Queue<Request> own = waiting.get(namespace.name());
      if (own != null && own.size() >= MAX_WAITING) {
        own.stream().filter(each -> each.made().isDone()).forEach(givenUp::add);
        own.removeAll(givenUp);
        if (own.isEmpty()) {
          waiting.remove(namespace.name());
        }
      }
      if (closed) {
        refusal = "no socket in " + namespace.name() + ": the process ends";
      } else if (own != null && own.size() >= MAX_WAITING) {
        refusal =
            "no socket in " + namespace.name() + ": " + MAX_WAITING + " requests wait already";
      } else {
        try {
          if (guard == null) {
            guard = Thread.ofPlatform().daemon().name("netns-guard").start(this::guard);
          }
          waiting.computeIfAbsent(namespace.name(), name -> new ArrayDeque<>()).add(request);
          notifyAll();
        } catch (OutOfMemoryError e) {
          // No thread can be made now.
          refusal = "no socket in " + namespace.name() + ": " + e.getMessage();
        }
      }
    }
    givenUp.forEach(each -> each.namespace().used());
    if (refusal != null) {
      namespace.used();
      made.completeExceptionally(new IOException(refusal));
    }
    return made;
  }

  /** The next request, of the namespace that has waited longest for its turn. */
  private synchronized Request next() throws InterruptedException {
    while (waiting.isEmpty()) {
      wait();
    }
    Map.Entry<String, Queue<Request>> first = waiting.entrySet().iterator().next();
    Queue<Request> requests = first.getValue();
    Request next = requests.remove();
    waiting.remove(first.getKey());
    if (!requests.isEmpty()) {
      waiting.put(first.getKey(), requests);
    }
    return next;
  }

  /** Fails what has waited too long, also while the thread is stuck with the request of another. */
  void expire() {
    List<Request> late = new ArrayList<>();
    long now = nanoTime.getAsLong();
    synchronized (this) {
      Iterator<Queue<Request>> all = waiting.values().iterator();
      while (all.hasNext()) {
        Queue<Request> requests = all.next();
        while (!requests.isEmpty() && isLate(requests.element(), now)) {
          late.add(requests.remove());
        }
        if (requests.isEmpty()) {
          all.remove();
        }
      }
    }
    late.forEach(NamespaceThread::failLate);
  }

  private static boolean isLate(Request request, long now) {
    return now - request.since() > NetworkNamespace.WAIT.toNanos();
  }

  private static void failLate(Request request) {
    fail(
        request,
        new IOException(
            "no socket in " + request.namespace().name() + " within " + NetworkNamespace.WAIT));
  }

  /** Has a thread that serves, for as long as the process goes on. */
  private void guard() {
    try {
      while (!closed) {
        Thread serving = null;
        try {
          serving = Thread.ofPlatform().daemon().name("netns").start(this::run);
          while (!serving.join(Duration.ofMillis(LOOK_MILLIS))) {
            expire();
          }
        } catch (OutOfMemoryError e) {
          // No thread can be made now.
          failAll(new IOException("no thread for network namespaces: " + e.getMessage(), e));
        } finally {
          if (serving != null && serving.isAlive()) {
            serving.interrupt();
            serving.join(NetworkNamespace.WAIT);
          }
        }
        afterwards();
        // One that cannot begin is tried again for somebody who waits.
        awaitRequest();
      }
    } catch (InterruptedException e) {
      // The end.
    }
    afterwards();
    failAll(new IOException("the process ends"));
  }

  private synchronized void awaitRequest() throws InterruptedException {
    while (!closed && waiting.isEmpty()) {
      wait();
    }
  }

  /** Tells whoever has waited for a thread that has ended. */
  private void afterwards() {
    Lost ended = lost;
    lost = null;
    if (ended != null) {
      log.error("{}", ended.cause().getMessage());
      fail(ended.request(), ended.cause());
    }
    IOException why = noHome;
    noHome = null;
    if (why != null) {
      failAll(why);
    }
  }

  private void run() {
    int home;
    try {
      home = calls.home();
    } catch (IOException | RuntimeException | Error e) {
      noHome = new IOException("the network namespace of the process: " + e.getMessage(), e);
      return;
    }
    try {
      while (serve(next(), home)) {
        // The next one.
      }
    } catch (InterruptedException e) {
      // The end.
    }
    calls.close(home);
  }

  /**
   * Serves one request.
   *
   * @return false when the thread is not at home: it must end without any other work
   */
  private boolean serve(Request request, int home) {
    if (request.made().isDone()) {
      request.namespace().used();
      return true;
    }
    if (isLate(request, nanoTime.getAsLong())) {
      failLate(request);
      return true;
    }
    List<Integer> made = new ArrayList<>(request.count());
    IOException failure = null;
    boolean left = false;
    try {
      calls.enter(request.namespace().descriptor());
      left = true;
      for (int i = 0; i < request.count(); i++) {
        made.add(calls.socket(request.ipv6(), request.namespace().mark()));
      }
    } catch (IOException e) {
      if (!left) {
        fail(request, failed(request, "cannot be entered: ", e));
        return true;
      }
      failure = failed(request, "has no socket: ", e);
    } catch (RuntimeException | Error e) {
      // It may have left.
      failure = failed(request, "has no socket: ", e);
    }
    try {
      calls.enter(home);
    } catch (IOException | RuntimeException | Error e) {
      made.forEach(calls::close);
      lost = new Lost(request, failed(request, "cannot be left, the thread ends: ", e));
      return false;
    }
    if (failure != null) {
      made.forEach(calls::close);
      fail(request, failure);
      return true;
    }
    request.namespace().used();
    if (!request.made().complete(made.stream().map(FileDescriptor::new).toList())) {
      made.forEach(calls::close);
    }
    return true;
  }

  private static IOException failed(Request request, String what, Throwable cause) {
    return new IOException(
        "network namespace " + request.namespace().name() + " " + what + cause.getMessage(), cause);
  }

  private static void fail(Request request, IOException cause) {
    request.namespace().used();
    request.made().completeExceptionally(cause);
  }

  private void failAll(IOException cause) {
    List<Request> all = new ArrayList<>();
    synchronized (this) {
      waiting.values().forEach(all::addAll);
      waiting.clear();
    }
    all.forEach(request -> fail(request, cause));
  }

  /** Ends the thread. Requests that wait fail. */
  @Override
  public void close() {
    Thread now;
    synchronized (this) {
      closed = true;
      now = guard;
    }
    if (now != null) {
      now.interrupt();
      try {
        now.join(NetworkNamespace.WAIT);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    failAll(new IOException("the process ends"));
  }

  private static final class OfLinux implements Calls {
    @Override
    public int home() throws IOException {
      return LinuxCalls.open(Path.of("/proc/thread-self/ns/net"));
    }

    @Override
    public void enter(int namespace) throws IOException {
      LinuxCalls.enter(namespace);
    }

    @Override
    public int socket(boolean ipv6, int mark) throws IOException {
      return LinuxCalls.tcpSocket(ipv6, mark);
    }

    @Override
    public void close(int descriptor) {
      LinuxCalls.close(descriptor);
    }
  }
}
