package io.signetmesh.proxy.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/** The system calls that neither Java nor Netty has. Linux only. */
public final class LinuxCalls {
  /** {@code AF_INET} and {@code AF_INET6}. */
  private static final int AF_INET = 2;

  private static final int AF_INET6 = 10;

  /** {@code SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC}. */
  private static final int STREAM = 1 | 0x800 | 0x80000;

  private static final int SOL_SOCKET = 1;
  private static final int SO_MARK = 36;
  private static final int CLONE_NEWNET = 0x40000000;

  /** {@code O_RDONLY | O_CLOEXEC}. */
  private static final int READ_ONLY = 0x80000;

  private static final int F_DUPFD_CLOEXEC = 1030;
  static final int EINTR = 4;

  private static final Linker LINKER = Linker.nativeLinker();
  static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle SETNS =
      handle("setns", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SOCKET =
      handle("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SETSOCKOPT =
      handle(
          "setsockopt",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle OPEN =
      variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle FCNTL =
      variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle GETEUID = handle("geteuid", FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle POLL =
      handle("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle STRERROR =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("strerror"), FunctionDescriptor.of(ADDRESS, JAVA_INT));

  private LinuxCalls() {}

  static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        Linker.Option.captureCallState("errno"));
  }

  private static MethodHandle variadic(String name, int fixed, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        descriptor,
        Linker.Option.captureCallState("errno"),
        Linker.Option.firstVariadicArg(fixed));
  }

  /** Moves the calling thread, and no other, into a network namespace. */
  public static void enter(int namespace) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      check("setns(2)", (int) SETNS.invokeExact(state, namespace, CLONE_NEWNET), state);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /**
   * Makes a TCP socket in the network namespace of the calling thread. It does not block, and
   * programs that are started do not inherit it.
   *
   * @param mark mark of its packets ({@code SO_MARK}); 0: none
   */
  public static int tcpSocket(boolean ipv6, int mark) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      int made =
          check(
              "socket(2)",
              (int) SOCKET.invokeExact(state, ipv6 ? AF_INET6 : AF_INET, STREAM, 0),
              state);
      if (mark == 0) {
        return made;
      }
      try {
        MemorySegment value = arena.allocateFrom(JAVA_INT, mark);
        check(
            "setsockopt(2) SO_MARK",
            (int) SETSOCKOPT.invokeExact(state, made, SOL_SOCKET, SO_MARK, value, Integer.BYTES),
            state);
        return made;
      } catch (Throwable e) {
        close(made);
        throw e;
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Opens a file for reading. Programs that are started do not inherit the descriptor. */
  public static int open(Path file) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      MemorySegment name = arena.allocateFrom(file.toString());
      return check("open(2) of " + file, (int) OPEN.invokeExact(state, name, READ_ONLY, 0), state);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Duplicates a descriptor. Programs that are started do not inherit it. */
  public static int duplicate(int descriptor) throws LinuxException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      return check(
          "fcntl(2) F_DUPFD_CLOEXEC",
          (int) FCNTL.invokeExact(state, descriptor, F_DUPFD_CLOEXEC, 0),
          state);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Closes a descriptor. */
  public static void close(int descriptor) {
    try (Arena arena = Arena.ofConfined()) {
      // Linux has closed it, whatever it answers.
      int ignored = (int) CLOSE.invokeExact(arena.allocate(STATE), descriptor);
    } catch (Throwable e) {
      throw new IllegalStateException("close(2) of descriptor " + descriptor, e);
    }
  }

  /** Effective user of the process. */
  public static int user() {
    try (Arena arena = Arena.ofConfined()) {
      return (int) GETEUID.invokeExact(arena.allocate(STATE));
    } catch (Throwable e) {
      throw new IllegalStateException("geteuid(2)", e);
    }
  }

  /**
   * Waits for descriptors, poll(2).
   *
   * @param polled array of {@code struct pollfd}
   * @param millis longest wait; negative: for ever
   * @return whether one of them is ready; false also after a signal
   */
  static boolean poll(MemorySegment state, MemorySegment polled, long count, int millis)
      throws LinuxException {
    try {
      int ready = (int) POLL.invokeExact(state, polled, count, millis);
      if (ready < 0 && errno(state) != EINTR) {
        throw failure("poll(2)", state);
      }
      return ready != 0;
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Number of the error of the call before. */
  static int errno(MemorySegment state) {
    return (int) ERRNO.get(state, 0L);
  }

  /** The failure of the call before. */
  static LinuxException failure(String call, MemorySegment state) {
    int errno = errno(state);
    return new LinuxException(call, errno, description(errno));
  }

  static int check(String call, int result, MemorySegment state) throws LinuxException {
    if (result >= 0) {
      return result;
    }
    throw failure(call, state);
  }

  private static String description(int errno) {
    try {
      MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
      return text.reinterpret(1024).getString(0);
    } catch (Throwable e) {
      throw new IllegalStateException("strerror(3) of " + errno, e);
    }
  }

  /** What a call may throw is its own failure; anything else is a fault of this class. */
  static RuntimeException failure(Throwable cause) throws LinuxException {
    if (cause instanceof LinuxException known) {
      throw known;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    if (cause instanceof RuntimeException unexpected) {
      throw unexpected;
    }
    throw new IllegalStateException(cause);
  }
}
