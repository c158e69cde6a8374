package io.signetmesh.proxy.http.h2;

/**
 * How the streams that a client opened last have ended, which decides about frames that still come
 * for them (RFC 9113 5.1): the codec forgets a stream as soon as it is closed. Confined to its
 * loop.
 */
final class ClosedStreams {
  /** Streams that are remembered; a power of two. */
  private static final int REMEMBERED = 2048;

  /** What is known of a stream that is closed. */
  enum End {
    /** It is older than what is remembered. */
    UNKNOWN,
    /** It was opened, and the peer ended it or reset it. */
    BY_PEER,
    /** We have reset it, or refused it: the peer may not have known when it sent more. */
    RESET,
    /** It was never opened: a stream with a higher identifier was (RFC 9113 5.1.1). */
    SKIPPED
  }

  private static final End[] ENDS = End.values();

  private final byte[] ends = new byte[REMEMBERED];
  private int last = -1;

  /** Highest identifier that a client has opened or tried to open; -1: none. */
  int last() {
    return last;
  }

  /** A client opens a stream, with a higher identifier than any before. */
  void opened(int streamId) {
    int from = Math.max(last < 0 ? 1 : last + 2, streamId - 2 * (REMEMBERED - 1));
    for (int skipped = from; skipped < streamId; skipped += 2) {
      set(skipped, End.SKIPPED);
    }
    set(streamId, End.BY_PEER);
    last = streamId;
  }

  /** We reset a stream that a client opened. */
  void reset(int streamId) {
    if (isRemembered(streamId)) {
      set(streamId, End.RESET);
    }
  }

  /** How a stream ended that is not there any more. */
  End end(int streamId) {
    return isRemembered(streamId) ? ENDS[ends[index(streamId)]] : End.UNKNOWN;
  }

  private boolean isRemembered(int streamId) {
    return (streamId & 1) == 1 && streamId <= last && last - streamId < 2 * REMEMBERED;
  }

  private void set(int streamId, End end) {
    ends[index(streamId)] = (byte) end.ordinal();
  }

  private static int index(int streamId) {
    return (streamId >>> 1) & (REMEMBERED - 1);
  }
}
