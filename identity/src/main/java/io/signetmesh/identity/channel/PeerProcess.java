package io.signetmesh.identity.channel;

import io.grpc.Context;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A handle of the process at the other end of a Unix socket. It detects when another process reuses
 * the process id. Linux 6.5 and later provide a descriptor of the process that connected
 * (SO_PEERPIDFD). On older kernels the descriptor is opened by process id (pidfd_open(2)); where
 * neither works, the start time of the process is compared. Thread-safe.
 */
public final class PeerProcess implements AutoCloseable {
  /** The process of the call that the current {@link Context} belongs to; null outside of one. */
  static final Context.Key<PeerProcess> KEY = Context.key("signet-peer-process");

  private static final int FIELDS_BEFORE_START = 19;

  private final int pid;

  /** Compared where there is no descriptor; else empty. */
  private final String startTime;

  private int descriptor;
  private boolean closed;

  private PeerProcess(int pid, int descriptor, String startTime) {
    this.pid = pid;
    this.descriptor = descriptor;
    this.startTime = startTime;
  }

  /**
   * The process of the current call.
   *
   * @throws IllegalStateException when the server keeps no process handles
   */
  public static PeerProcess current() {
    PeerProcess process = KEY.get();
    if (process == null) {
      throw new IllegalStateException("the server does not hold the processes that call");
    }
    return process;
  }

  /**
   * Holds a process that is connected.
   *
   * @param socket descriptor of the connection
   * @param pid process id that the kernel told for it (SO_PEERCRED)
   * @throws IOException when the process is gone, or in a process namespace that is not visible
   */
  static PeerProcess of(int socket, int pid) throws IOException {
    if (pid <= 0) {
      throw new IOException("its process is in another process namespace");
    }
    int descriptor = Native.AVAILABLE ? Native.open(socket, pid) : -1;
    String startTime = "";
    if (descriptor < 0) {
      try {
        startTime = startTime(pid);
      } catch (NoSuchFileException e) {
        throw new IOException("process " + pid + " is gone", e);
      }
    }
    PeerProcess process = new PeerProcess(pid, descriptor, startTime);
    if (!process.isAlive()) {
      process.close();
      throw new IOException("process " + pid + " is gone");
    }
    return process;
  }

  /**
   * Whether the process is still running. If so, everything read by its id before belongs to it.
   */
  public synchronized boolean isAlive() {
    if (closed) {
      return false;
    }
    if (descriptor >= 0) {
      return Native.isAlive(descriptor);
    }
    try {
      return startTime.equals(startTime(pid));
    } catch (IOException e) {
      return false;
    }
  }

  /** Releases the descriptor. {@link #isAlive} returns false afterwards. */
  @Override
  public synchronized void close() {
    if (!closed && descriptor >= 0) {
      Native.close(descriptor);
    }
    closed = true;
    descriptor = -1;
  }

  /** Field {@code starttime} of proc_pid_stat(5), in clock ticks since the boot. */
  private static String startTime(int pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    // The name of the command is in parentheses and may hold anything.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    if (fields.length <= FIELDS_BEFORE_START) {
      throw new IOException("/proc/" + pid + "/stat has " + fields.length + " fields");
    }
    return fields[FIELDS_BEFORE_START];
  }

  /** Calls of the C library. */
  private static final class Native {
    private static final int SOL_SOCKET = 1;
    private static final int SO_PEERPIDFD = 77;
    private static final int ENOPROTOOPT = 92;

    /** On x86_64 and aarch64 alike. */
    private static final long SYS_PIDFD_OPEN = 434;

    private static final short POLLIN = 1;
    private static final StructLayout ERRNO = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO_VALUE =
        ERRNO.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final @Nullable MethodHandle GETSOCKOPT =
        handle(
            "getsockopt",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS),
            Linker.Option.captureCallState("errno"));
    private static final @Nullable MethodHandle SYSCALL =
        handle(
            "syscall",
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT),
            Linker.Option.firstVariadicArg(1));
    private static final @Nullable MethodHandle POLL =
        handle(
            "poll",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    private static final @Nullable MethodHandle CLOSE =
        handle("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    static final boolean AVAILABLE =
        GETSOCKOPT != null && SYSCALL != null && POLL != null && CLOSE != null;

    private static @Nullable MethodHandle handle(
        String name, FunctionDescriptor type, Linker.Option... options) {
      try {
        Linker linker = Linker.nativeLinker();
        return linker
            .defaultLookup()
            .find(name)
            .map(symbol -> linker.downcallHandle(symbol, type, options))
            .orElse(null);
      } catch (RuntimeException | LinkageError e) {
        // Native access is not allowed: start times are compared.
        return null;
      }
    }

    /** A descriptor of the process; -1 when the kernel gives none. */
    static int open(int socket, int pid) throws IOException {
      if (GETSOCKOPT == null || SYSCALL == null) {
        return -1;
      }
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment errno = arena.allocate(ERRNO);
        MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
        MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, Integer.BYTES);
        int result =
            (int) GETSOCKOPT.invokeExact(errno, socket, SOL_SOCKET, SO_PEERPIDFD, value, length);
        if (result == 0) {
          return value.get(ValueLayout.JAVA_INT, 0);
        }
        if ((int) ERRNO_VALUE.get(errno, 0L) != ENOPROTOOPT) {
          throw new IOException("process " + pid + " is gone");
        }
        return (int) (long) SYSCALL.invokeExact(SYS_PIDFD_OPEN, pid, 0);
      } catch (IOException | RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("a call of the C library failed", e);
      }
    }

    /** A descriptor becomes readable when its process ends, pidfd_open(2). */
    static boolean isAlive(int descriptor) {
      if (POLL == null) {
        return false;
      }
      try (Arena arena = Arena.ofConfined()) {
        // struct pollfd: int fd, short events, short revents.
        MemorySegment poll = arena.allocate(8, 4);
        poll.set(ValueLayout.JAVA_INT, 0, descriptor);
        poll.set(ValueLayout.JAVA_SHORT, 4, POLLIN);
        return (int) POLL.invokeExact(poll, 1L, 0) == 0;
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("a call of the C library failed", e);
      }
    }

    static void close(int descriptor) {
      if (CLOSE == null) {
        return;
      }
      try {
        int ignored = (int) CLOSE.invokeExact(descriptor);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException("a call of the C library failed", e);
      }
    }
  }
}
