package io.signetmesh.proxy.http.exchange;

import io.netty.buffer.ByteBuf;
import io.signetmesh.proxy.authorize.RequestSyntax;
import org.jspecify.annotations.Nullable;

/**
 * Validates the request line and chunk lines strictly (RFC 9112) before the decoder reads them. The
 * decoder accepts what the RFC lets a recipient tolerate (2.2, 3, 7.1): other blanks and line ends,
 * and chunk extensions without limit. Other readers treat those differently, so that one request
 * would mean different things to them (request smuggling).
 *
 * <p>Call {@link #look} before the bytes are decoded and {@link #decoded} afterwards. Confined to
 * the loop of its connection.
 */
public final class RequestBytes {
  /** Empty lines in front of a request line that are passed over (RFC 9112 2.2 asks for one). */
  static final int MAX_EMPTY_LINES = 4;

  /** Longest line of a chunk's size, in bytes, without its end. */
  static final int LONGEST_CHUNK_LINE = 1024;

  /** Most bytes of chunk extensions of one request, all chunks together (RFC 9112 7.1.1). */
  static final int MAX_EXTENSION_BYTES = 4096;

  private static final int MAX_SIZE_DIGITS = 16;
  private static final byte CR = '\r';
  private static final byte LF = '\n';
  private static final String VERSION = "HTTP/1.";

  /** What comes next. */
  private enum State {
    REQUEST_LINE,
    /** Fields, or a body of a known length: the decoder's business. */
    PASSED,
    CHUNK_LINE,
    CHUNK_DATA,
    TRAILERS
  }

  private State state = State.REQUEST_LINE;
  private int emptyLines;
  private int extensionBytes;

  /** Bytes of the line that is to be decoded next, with its end. */
  private int lineLength;

  private long chunkSize;

  /** Bytes of the chunk and its end that have not been decoded. */
  private long chunkLeft;

  private @Nullable String flaw;

  /** Why the bytes are invalid, after {@link #look} has returned false. */
  public String flaw() {
    String found = flaw;
    return found == null ? "" : found;
  }

  /**
   * Validates the bytes that are decoded next. Skips empty lines before a request.
   *
   * @return false when they are not valid; {@link #flaw} says why
   */
  public boolean look(ByteBuf in) {
    return switch (state) {
      case REQUEST_LINE -> skipEmptyLines(in) && requestLine(in);
      case CHUNK_LINE -> chunkLine(in);
      case PASSED, CHUNK_DATA, TRAILERS -> true;
    };
  }

  /** Whether only a part of a line end has been received. */
  public boolean waits(ByteBuf in) {
    return state == State.REQUEST_LINE && (!in.isReadable() || in.getByte(in.readerIndex()) == CR);
  }

  /** Whether only empty lines have been received, and no request. */
  public boolean emptyLinesOnly() {
    return state == State.REQUEST_LINE && emptyLines > 0;
  }

  /** The decoder has consumed this many bytes. */
  public void decoded(int bytes) {
    if (bytes == 0) {
      return;
    }
    if (state == State.REQUEST_LINE) {
      state = State.PASSED;
      return;
    }
    long rest = bytes;
    if (state == State.CHUNK_LINE) {
      rest -= lineLength;
      if (chunkSize == 0) {
        state = State.TRAILERS;
        return;
      }
      state = State.CHUNK_DATA;
      chunkLeft = chunkSize + 2;
    }
    if (state == State.CHUNK_DATA) {
      chunkLeft -= rest;
      if (chunkLeft <= 0) {
        state = State.CHUNK_LINE;
      }
    }
  }

  /** The decoder has returned a head. */
  public void headDecoded(boolean chunked) {
    state = chunked ? State.CHUNK_LINE : State.PASSED;
    emptyLines = 0;
    extensionBytes = 0;
  }

  /** The decoder has returned the end of a request. */
  public void requestDecoded() {
    state = State.REQUEST_LINE;
    emptyLines = 0;
  }

  private boolean refuse(String why) {
    flaw = why;
    return false;
  }

  private boolean skipEmptyLines(ByteBuf in) {
    while (in.isReadable()) {
      byte first = in.getByte(in.readerIndex());
      if (first == LF) {
        return refuse("a line end without CR before the request");
      }
      if (first != CR || in.readableBytes() < 2) {
        return true;
      }
      if (in.getByte(in.readerIndex() + 1) != LF) {
        return refuse("a CR without LF before the request");
      }
      if (++emptyLines > MAX_EMPTY_LINES) {
        return refuse("more than " + MAX_EMPTY_LINES + " empty lines before the request");
      }
      in.skipBytes(2);
    }
    return true;
  }

  /** {@code method SP request-target SP HTTP-version CRLF} (RFC 9112 3). */
  private boolean requestLine(ByteBuf in) {
    int from = in.readerIndex();
    int lf = in.indexOf(from, in.writerIndex(), LF);
    if (lf < 0) {
      return true;
    }
    int end = lf - 1;
    if (end < from || in.getByte(end) != CR) {
      return refuse("request line: no CR before its end");
    }
    int spaces = 0;
    int last = from - 1;
    for (int i = from; i < end; i++) {
      byte b = in.getByte(i);
      if (b == ' ') {
        if (last == i - 1) {
          return refuse("request line: a space too many at byte " + (i - from));
        }
        spaces++;
        last = i;
      } else if (b >= '\t' && b <= '\r') {
        return refuse("request line: a blank or line end of another kind at byte " + (i - from));
      }
    }
    if (spaces != 2 || last == end - 1) {
      return refuse("request line: " + spaces + " spaces, expected method, target and version");
    }
    int version = last + 1;
    boolean known = end - version == VERSION.length() + 1;
    for (int i = 0; known && i < VERSION.length(); i++) {
      known = in.getByte(version + i) == VERSION.charAt(i);
    }
    byte minor = in.getByte(end - 1);
    return known && (minor == '0' || minor == '1')
        || refuse("request line: expected version HTTP/1.0 or HTTP/1.1");
  }

  /** {@code chunk-size [chunk-ext] CRLF} (RFC 9112 7.1). */
  private boolean chunkLine(ByteBuf in) {
    int from = in.readerIndex();
    int most = Math.min(in.writerIndex(), from + LONGEST_CHUNK_LINE + 2);
    int lf = in.indexOf(from, most, LF);
    if (lf < 0) {
      return in.readableBytes() < LONGEST_CHUNK_LINE + 2
          || refuse("chunk: a line of more than " + LONGEST_CHUNK_LINE + " bytes");
    }
    int end = lf - 1;
    if (end < from || in.getByte(end) != CR) {
      return refuse("chunk: no CR before the end of its line");
    }
    long size = 0;
    int at = from;
    int digit;
    while (at < end && (digit = hex(in.getByte(at))) >= 0) {
      size = size << 4 | digit;
      at++;
    }
    if (at == from || at - from > MAX_SIZE_DIGITS || size < 0) {
      return refuse("chunk: its size is none");
    }
    if (at < end) {
      if (!areExtensions(in, at, end)) {
        return refuse("chunk: what follows its size is no extension");
      }
      extensionBytes += end - at;
      if (extensionBytes > MAX_EXTENSION_BYTES) {
        return refuse("chunk: more than " + MAX_EXTENSION_BYTES + " bytes of extensions");
      }
    }
    lineLength = lf + 1 - from;
    chunkSize = size;
    return true;
  }

  /** {@code *( ";" name [ "=" value ] )} (RFC 9112 7.1.1), without the blanks of old senders. */
  private static boolean areExtensions(ByteBuf in, int from, int end) {
    int at = from;
    while (at < end) {
      at = in.getByte(at) == ';' ? token(in, at + 1, end) : -1;
      if (at >= 0 && at < end && in.getByte(at) == '=') {
        at++;
        at = at < end && in.getByte(at) == '"' ? quotedString(in, at + 1, end) : token(in, at, end);
      }
      if (at < 0) {
        return false;
      }
    }
    return true;
  }

  /** Where a token ends; -1 when there is none. */
  private static int token(ByteBuf in, int from, int end) {
    int at = from;
    while (at < end && RequestSyntax.isTokenCharacter((char) (in.getByte(at) & 0xff))) {
      at++;
    }
    return at == from ? -1 : at;
  }

  /** Where a quoted string ends whose opening quote is before {@code from}; -1 when it does not. */
  private static int quotedString(ByteBuf in, int from, int end) {
    for (int at = from; at < end; at++) {
      int c = in.getByte(at) & 0xff;
      if (c == '"') {
        return at + 1;
      }
      if (c == '\\' && ++at < end) {
        c = in.getByte(at) & 0xff;
      }
      if ((c < ' ' && c != '\t') || c == 0x7f) {
        return -1;
      }
    }
    return -1;
  }

  /**
   * The message of a decoder's exception without the content that it quotes, or appends after a
   * colon.
   */
  public static String withoutContent(@Nullable Throwable cause) {
    String message = cause == null ? null : cause.getMessage();
    if (message == null) {
      return "not well-formed";
    }
    int quote = message.indexOf('\'');
    int unquote = message.lastIndexOf('\'');
    if (quote >= 0) {
      message = message.substring(0, quote) + "'...'" + message.substring(unquote + 1);
    }
    int colon = message.indexOf(": ");
    return colon < 0 ? message : message.substring(0, colon);
  }

  /** A malformed request. */
  public static final class MalformedException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public MalformedException(String message) {
      super(message);
    }
  }

  private static int hex(byte b) {
    if (b >= '0' && b <= '9') {
      return b - '0';
    }
    int lower = b | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }
}
