package io.signetmesh.proxy.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.Native;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A connected Unix stream socket whose bytes may carry descriptors (SCM_RIGHTS), for a thread that
 * waits for it. All but {@link #wake} belongs to one thread.
 */
public final class UnixStream implements AutoCloseable {
  /** Descriptors that come together at most; the kernel closes what is beyond. */
  public static final int MAX_DESCRIPTORS = 4;

  private static final int BUFFER = 64 * 1024;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int SO_PEERCRED = 17;
  private static final int MSG_CTRUNC = 8;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;
  private static final int EAGAIN = 11;
  private static final short POLLIN = 1;
  private static final short POLLOUT = 4;

  /** {@code struct msghdr}, 56 bytes: offsets of its fields. */
  private static final long MSG_SIZE = 56;

  private static final long MSG_IOV = 16;
  private static final long MSG_IOVLEN = 24;
  private static final long MSG_CONTROL = 32;
  private static final long MSG_CONTROLLEN = 40;
  private static final long MSG_FLAGS = 48;

  /** {@code struct cmsghdr}: its length with the data, level, type, data. */
  private static final long CMSG_LEVEL = 8;

  private static final long CMSG_TYPE = 12;
  private static final long CMSG_DATA = 16;

  private static final MethodHandle RECVMSG =
      LinuxCalls.handle("recvmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SENDMSG =
      LinuxCalls.handle("sendmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));

  static {
    // Loads Netty's native code.
    Epoll.ensureAvailability();
  }

  private final Socket socket;
  private final FileDescriptor wakeUp;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment state = arena.allocate(LinuxCalls.STATE);
  private final MemorySegment buffer = arena.allocate(BUFFER);
  private final MemorySegment vector = arena.allocate(16, 8);
  private final MemorySegment control =
      arena.allocate(CMSG_DATA + MAX_DESCRIPTORS * (long) Integer.BYTES, 8);
  private final MemorySegment message = arena.allocate(MSG_SIZE, 8);
  private final MemorySegment polled = arena.allocate(16, 4);
  private final Object waking = new Object();
  private boolean closed;

  /**
   * What has come.
   *
   * @param bytes the bytes; empty at the end
   * @param descriptors descriptors that came with them, which are the caller's to close
   * @param isEnd whether the other side has ended
   * @param isTruncated whether more descriptors came than {@link #MAX_DESCRIPTORS}
   */
  public record Received(
      byte[] bytes, List<FileDescriptor> descriptors, boolean isEnd, boolean isTruncated) {}

  /**
   * The process at the other end.
   *
   * @param process its id
   * @param user its effective user at the time of the connection
   */
  public record Peer(int process, int user) {}

  /**
   * @param descriptor a connected Unix stream socket; it belongs to this from now on
   */
  public UnixStream(int descriptor) {
    this.socket = new Socket(descriptor);
    this.wakeUp = Native.newEventFd();
  }

  /**
   * Connects to a socket.
   *
   * @throws IOException when nobody listens there
   */
  public static UnixStream connect(Path path) throws IOException {
    Socket made = Socket.newSocketDomain();
    boolean connected = false;
    try {
      connected = made.connect(new DomainSocketAddress(path.toString()));
      if (!connected) {
        throw new IOException("it does not accept connections");
      }
    } catch (IOException e) {
      if (e.getMessage() != null) {
        throw e;
      }
      throw new IOException(
          Files.exists(path) ? "nobody listens there" : "there is no such file", e);
    } finally {
      if (!connected) {
        made.close();
      }
    }
    return new UnixStream(made.intValue());
  }

  /** Has the kernel say who is at the other end. */
  public Peer peer() throws IOException {
    ByteBuffer credentials = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder());
    socket.getRawOpt(SOL_SOCKET, SO_PEERCRED, credentials);
    return new Peer(credentials.getInt(0), credentials.getInt(4));
  }

  /**
   * Waits until something has come, or {@link #wake} was called.
   *
   * @param limit longest wait; null: for ever
   * @return false when the time was over
   */
  public boolean await(@Nullable Duration limit) throws IOException {
    return poll(POLLIN, limit == null ? -1 : Math.clamp(limit.toMillis(), 0, 1 << 30));
  }

  private boolean poll(short events, int millis) throws IOException {
    polled.set(JAVA_INT, 0, socket.intValue());
    polled.set(JAVA_SHORT, 4, events);
    polled.set(JAVA_SHORT, 6, (short) 0);
    polled.set(JAVA_INT, 8, wakeUp.intValue());
    polled.set(JAVA_SHORT, 12, POLLIN);
    polled.set(JAVA_SHORT, 14, (short) 0);
    // When something is to be sent, only the socket counts.
    boolean ready = LinuxCalls.poll(state, polled, events == POLLIN ? 2 : 1, millis);
    if (events == POLLIN && polled.get(JAVA_SHORT, 14) != 0) {
      Native.eventFdRead(wakeUp.intValue());
    }
    return ready;
  }

  /** Has {@link #await} return; from any thread. */
  public void wake() {
    synchronized (waking) {
      if (!closed) {
        Native.eventFdWrite(wakeUp.intValue(), 1);
      }
    }
  }

  /** Takes what has come, without waiting; nothing when nothing has. */
  public Received receive() throws IOException {
    try {
      prepare(BUFFER, control.byteSize());
      long count =
          (long)
              RECVMSG.invokeExact(
                  state, socket.intValue(), message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (count < 0) {
        int errno = LinuxCalls.errno(state);
        if (errno == EAGAIN || errno == LinuxCalls.EINTR) {
          return new Received(new byte[0], List.of(), false, false);
        }
        throw LinuxCalls.failure("recvmsg(2)", state);
      }
      byte[] bytes = buffer.asSlice(0, count).toArray(JAVA_BYTE);
      boolean truncated = (message.get(JAVA_INT, MSG_FLAGS) & MSG_CTRUNC) != 0;
      return new Received(bytes, descriptors(), count == 0, truncated);
    } catch (Throwable e) {
      throw LinuxCalls.failure(e);
    }
  }

  private List<FileDescriptor> descriptors() {
    List<FileDescriptor> found = new ArrayList<>();
    long controlLength = message.get(JAVA_LONG, MSG_CONTROLLEN);
    if (controlLength >= CMSG_DATA
        && control.get(JAVA_INT, CMSG_LEVEL) == SOL_SOCKET
        && control.get(JAVA_INT, CMSG_TYPE) == SCM_RIGHTS) {
      long end = Math.min(control.get(JAVA_LONG, 0), controlLength);
      for (long at = CMSG_DATA; at + Integer.BYTES <= end; at += Integer.BYTES) {
        found.add(new FileDescriptor(control.get(JAVA_INT, at)));
      }
    }
    return found;
  }

  private void prepare(long length, long controlLength) {
    vector.set(ADDRESS, 0, buffer);
    vector.set(JAVA_LONG, 8, length);
    message.fill((byte) 0);
    message.set(ADDRESS, MSG_IOV, vector);
    message.set(JAVA_LONG, MSG_IOVLEN, 1);
    if (controlLength > 0) {
      control.fill((byte) 0);
      message.set(ADDRESS, MSG_CONTROL, control);
      message.set(JAVA_LONG, MSG_CONTROLLEN, controlLength);
    }
  }

  /**
   * Sends bytes.
   *
   * @param descriptor goes with the first byte and stays the caller's; negative: none
   * @param limit for the other side to take all
   * @throws IOException when the other side is gone or does not read
   */
  public void send(byte[] bytes, int descriptor, Duration limit) throws IOException {
    long end = System.nanoTime() + limit.toNanos();
    int sent = 0;
    while (sent < bytes.length) {
      int length = Math.min(bytes.length - sent, BUFFER);
      MemorySegment.copy(bytes, sent, buffer, JAVA_BYTE, 0, length);
      boolean carries = sent == 0 && descriptor >= 0;
      prepare(length, carries ? 24 : 0);
      if (carries) {
        control.set(JAVA_LONG, 0, CMSG_DATA + Integer.BYTES);
        control.set(JAVA_INT, CMSG_LEVEL, SOL_SOCKET);
        control.set(JAVA_INT, CMSG_TYPE, SCM_RIGHTS);
        control.set(JAVA_INT, CMSG_DATA, descriptor);
      }
      long count;
      try {
        count =
            (long)
                SENDMSG.invokeExact(state, socket.intValue(), message, MSG_DONTWAIT | MSG_NOSIGNAL);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
      if (count >= 0) {
        sent += (int) count;
        continue;
      }
      int errno = LinuxCalls.errno(state);
      if (errno == LinuxCalls.EINTR) {
        continue;
      }
      if (errno != EAGAIN) {
        throw LinuxCalls.failure("sendmsg(2)", state);
      }
      long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (left <= 0 || !poll(POLLOUT, (int) Math.min(left, 1 << 30))) {
        throw new IOException("the other side has not read within " + limit);
      }
    }
  }

  /** Closes the connection. */
  @Override
  public void close() {
    synchronized (waking) {
      if (closed) {
        return;
      }
      closed = true;
    }
    for (FileDescriptor each : List.of(socket, wakeUp)) {
      try {
        each.close();
      } catch (IOException e) {
        // It is closed all the same.
      }
    }
    arena.close();
  }
}
