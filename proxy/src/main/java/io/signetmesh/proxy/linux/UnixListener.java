package io.signetmesh.proxy.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.Native;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Unix socket of mode 0600, for a thread that accepts connections. */
public final class UnixListener implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(UnixListener.class);

  private static final int BACKLOG = 16;
  private static final short POLLIN = 1;

  static {
    // Loads Netty's native code.
    Epoll.ensureAvailability();
  }

  private final Path path;
  private final Socket socket;
  private final FileDescriptor wakeUp;
  private final Object fileKey;
  private volatile boolean closed;

  /** Bytes that {@link #nameToBegin} adds to a name. */
  public static final int LONGER = 6;

  /** The first number of five digits to the base 36. */
  private static final int FIRST_NUMBER = 36 * 36 * 36 * 36;

  private UnixListener(Path path, Socket socket, Object fileKey) {
    this.path = path;
    this.socket = socket;
    this.fileKey = fileKey;
    this.wakeUp = Native.newEventFd();
  }

  /**
   * Listens. Replaces a socket that exists: check first that nobody answers there.
   *
   * @throws IOException when the socket cannot be made
   */
  public static UnixListener listen(Path path) throws IOException {
    // Under another name until its mode is right.
    Path begun = nameToBegin(path);
    Socket made = Socket.newSocketDomain();
    UnixListener listener = null;
    boolean listening = false;
    try {
      made.bind(new DomainSocketAddress(begun.toString()));
      Files.setPosixFilePermissions(begun, PosixFilePermissions.fromString("rw-------"));
      made.listen(BACKLOG);
      Object key =
          Objects.requireNonNull(
              Files.readAttributes(begun, BasicFileAttributes.class).fileKey(), "file key");
      listener = new UnixListener(path, made, key);
      Files.move(begun, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      listening = true;
      return listener;
    } catch (IOException e) {
      throw new IOException("socket " + path + " cannot be made: " + e.getMessage(), e);
    } finally {
      if (!listening && listener != null) {
        listener.release();
      } else if (!listening) {
        made.close();
      }
      if (!listening) {
        Files.deleteIfExists(begun);
      }
    }
  }

  /**
   * A name beside a socket at which another one is made that takes its place. Nobody else has the
   * same, in this process or in others. It is {@value #LONGER} bytes longer.
   */
  public static Path nameToBegin(Path path) {
    int number = ThreadLocalRandom.current().nextInt(FIRST_NUMBER, 36 * FIRST_NUMBER);
    return path.resolveSibling(path.getFileName() + "." + Integer.toString(number, 36));
  }

  /** Whether somebody listens at a socket. */
  public static boolean answers(Path path) {
    if (!Files.exists(path)) {
      return false;
    }
    try (UnixStream connection = UnixStream.connect(path)) {
      return connection.peer().process() >= 0;
    } catch (IOException e) {
      // What a process has left behind that was killed.
      return false;
    }
  }

  /**
   * Waits for a connection.
   *
   * @return null once this is closed
   */
  public @Nullable UnixStream accept() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(LinuxCalls.STATE);
      MemorySegment polled = arena.allocate(16, 4);
      while (!closed) {
        polled.set(JAVA_INT, 0, socket.intValue());
        polled.set(JAVA_SHORT, 4, POLLIN);
        polled.set(JAVA_INT, 8, wakeUp.intValue());
        polled.set(JAVA_SHORT, 12, POLLIN);
        LinuxCalls.poll(state, polled, 2, -1);
        if (closed) {
          break;
        }
        int accepted = socket.accept(new byte[128]);
        if (accepted >= 0) {
          return taken(accepted);
        }
      }
    }
    return null;
  }

  private static UnixStream taken(int accepted) {
    boolean done = false;
    try {
      UnixStream stream = new UnixStream(accepted);
      done = true;
      return stream;
    } finally {
      if (!done) {
        close(new FileDescriptor(accepted));
      }
    }
  }

  private static void close(FileDescriptor descriptor) {
    try {
      descriptor.close();
    } catch (IOException e) {
      // It is released all the same.
    }
  }

  /** Accepts no more. Deletes the socket's file, unless a successor has replaced it. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    Native.eventFdWrite(wakeUp.intValue(), 1);
    try {
      if (isInPlace()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      log.warn("socket {} is left behind: {}", path, e.getMessage());
    }
  }

  /**
   * Whether the socket's file is this one, and not one that a successor has put in its place.
   *
   * @throws IOException when that cannot be found out
   */
  public boolean isInPlace() throws IOException {
    try {
      return fileKey.equals(Files.readAttributes(path, BasicFileAttributes.class).fileKey());
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /** Releases the descriptors; to be called by the thread that accepts, at its end. */
  public void release() {
    close(socket);
    close(wakeUp);
  }
}
