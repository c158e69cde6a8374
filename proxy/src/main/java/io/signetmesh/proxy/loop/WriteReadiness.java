package io.signetmesh.proxy.loop;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Asks the kernel whether bytes can be written to a socket, without waiting: poll(2) with a time of
 * zero. One instance belongs to one thread.
 */
final class WriteReadiness {
  private static final short POLLOUT = 4;

  /** {@code int poll(struct pollfd *fds, nfds_t nfds, int timeout)}. */
  private static final MethodHandle POLL =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("poll"),
              FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

  /**
   * {@code struct pollfd}: an int of the descriptor, a short of the wish, a short of the answer.
   */
  private final MemorySegment question = Arena.ofAuto().allocate(8, 4);

  /**
   * True when a write would take at least one byte, or fail at once.
   *
   * @param descriptor an open file descriptor
   */
  boolean isWritable(int descriptor) {
    question.set(JAVA_INT, 0, descriptor);
    question.set(JAVA_SHORT, 4, POLLOUT);
    question.set(JAVA_SHORT, 6, (short) 0);
    try {
      // What was not asked for and comes all the same is an error: the write will tell it.
      return (int) POLL.invokeExact(question, 1L, 0) > 0;
    } catch (Throwable e) {
      throw new IllegalStateException("poll(2) of descriptor " + descriptor, e);
    }
  }
}
