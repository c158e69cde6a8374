package io.signetmesh.bench.abuse;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * An HTTP/2 client connection that writes the frames it is told to (RFC 9113), whatever the
 * protocol says of them. Header blocks are plain HPACK without Huffman codes (RFC 7541).
 */
final class RawHttp2 implements AutoCloseable {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;
  static final int CONTINUATION = 9;
  static final int END_STREAM = 1;
  static final int ACK = 1;
  static final int END_HEADERS = 4;
  private static final int INITIAL_WINDOW_SIZE = 4;
  private static final int MAX_FRAME = 16_384;
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private final Socket socket;
  private final OutputStream out;
  private final DataInputStream in;
  private int nextStream = 1;

  /**
   * Sends the connection preface.
   *
   * @param streamWindow initial window of each stream, octets
   * @param connectionWindow what is added to the connection's window, octets
   */
  RawHttp2(Socket socket, int streamWindow, int connectionWindow) throws IOException {
    this.socket = socket;
    this.out = new java.io.BufferedOutputStream(socket.getOutputStream(), 64 * 1024);
    this.in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), 65536));
    out.write(PREFACE);
    byte[] settings = {0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0};
    putInt(settings, 2, streamWindow);
    frame(SETTINGS, 0, 0, settings, settings.length);
    if (connectionWindow > 0) {
      windowUpdate(0, connectionWindow);
    }
    out.flush();
  }

  Socket socket() {
    return socket;
  }

  /** The next stream identifier of a client. */
  int newStream() {
    int stream = nextStream;
    nextStream += 2;
    return stream;
  }

  void flush() throws IOException {
    out.flush();
  }

  void frame(int type, int flags, int stream, byte[] payload, int length) throws IOException {
    byte[] head = new byte[9];
    head[0] = (byte) (length >> 16);
    head[1] = (byte) (length >> 8);
    head[2] = (byte) length;
    head[3] = (byte) type;
    head[4] = (byte) flags;
    putInt(head, 5, stream);
    out.write(head);
    out.write(payload, 0, length);
  }

  void headers(int stream, byte[] block, boolean end) throws IOException {
    int flags = end ? END_STREAM : 0;
    if (block.length <= MAX_FRAME) {
      frame(HEADERS, flags | END_HEADERS, stream, block, block.length);
      return;
    }
    frame(HEADERS, flags, stream, block, MAX_FRAME);
    for (int at = MAX_FRAME; at < block.length; at += MAX_FRAME) {
      int length = Math.min(MAX_FRAME, block.length - at);
      byte[] part = java.util.Arrays.copyOfRange(block, at, at + length);
      frame(CONTINUATION, at + length == block.length ? END_HEADERS : 0, stream, part, length);
    }
  }

  void reset(int stream) throws IOException {
    frame(RST_STREAM, 0, stream, new byte[] {0, 0, 0, 8}, 4);
  }

  void windowUpdate(int stream, int increment) throws IOException {
    byte[] payload = new byte[4];
    putInt(payload, 0, increment);
    frame(WINDOW_UPDATE, 0, stream, payload, 4);
  }

  /** A frame that was read. */
  record Frame(int type, int flags, int stream, byte[] payload) {
    boolean has(int flag) {
      return (flags & flag) != 0;
    }
  }

  /** Reads a frame, and answers SETTINGS and PING as a peer must. */
  Frame read() throws IOException {
    int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
    int type = in.readUnsignedByte();
    int flags = in.readUnsignedByte();
    int stream = in.readInt() & 0x7fff_ffff;
    byte[] payload = in.readNBytes(length);
    if ((type == SETTINGS || type == PING) && (flags & ACK) == 0) {
      frame(type, ACK, 0, payload, type == PING ? length : 0);
      out.flush();
    }
    return new Frame(type, flags, stream, payload);
  }

  /** A header block of a request. */
  static final class Block {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Block(String method, String path) {
      bytes.write(method.equals("POST") ? 0x83 : 0x82);
      bytes.write(0x86);
      indexedName(4, path);
      indexedName(1, "app.example");
    }

    private void indexedName(int index, String value) {
      bytes.write(index);
      string(value);
    }

    Block header(String name, String value) {
      bytes.write(0);
      string(name);
      string(value);
      return this;
    }

    /** Adds a header to the table of the decoder (RFC 7541 6.2.1). */
    Block remembered(String name, String value) {
      bytes.write(0x40);
      string(name);
      string(value);
      return this;
    }

    /** The newest entry of the decoder's table, so many times. */
    Block newest(int times) {
      for (int i = 0; i < times; i++) {
        bytes.write(0x80 | 62);
      }
      return this;
    }

    private void string(String value) {
      byte[] text = value.getBytes(StandardCharsets.US_ASCII);
      int length = text.length;
      if (length < 127) {
        bytes.write(length);
      } else {
        bytes.write(127);
        length -= 127;
        while (length >= 128) {
          bytes.write(length % 128 + 128);
          length /= 128;
        }
        bytes.write(length);
      }
      bytes.writeBytes(text);
    }

    byte[] toBytes() {
      return bytes.toByteArray();
    }
  }

  private static void putInt(byte[] into, int at, int value) {
    into[at] = (byte) (value >> 24);
    into[at + 1] = (byte) (value >> 16);
    into[at + 2] = (byte) (value >> 8);
    into[at + 3] = (byte) value;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
