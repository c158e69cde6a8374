package io.signetmesh.bench.rotation;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** HTTP/2 by prior knowledge (RFC 9113) on one connection, one stream at a time. */
final class Http2Client implements Client {
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int ACK = 1;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int MAX_FRAME = 16_384;

  /** {@code :status 200}, indexed (RFC 7541 appendix A). */
  private static final int STATUS_OK = 0x88;

  /** {@code GET}, {@code http}, {@code /} indexed, and {@code :authority} as a literal. */
  private static final byte[] REQUEST = request("app.example");

  private final Socket socket;
  private final OutputStream out;
  private final DataInputStream in;
  private int stream = -1;
  private boolean ending;

  private Http2Client(Socket socket) throws IOException {
    this.socket = socket;
    this.out = socket.getOutputStream();
    this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    out.write(PREFACE);
    send(SETTINGS, 0, 0, new byte[0]);
  }

  static Http2Client open(InetSocketAddress server) throws IOException {
    Socket socket = Http1Client.connect(server);
    try {
      return new Http2Client(socket);
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static byte[] request(String authority) {
    byte[] name = authority.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(5 + name.length)
        .put(new byte[] {(byte) 0x82, (byte) 0x86, (byte) 0x84, 0x01, (byte) name.length})
        .put(name)
        .array();
  }

  @Override
  public void ask() throws IOException {
    stream += 2;
    send(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST);
    boolean good = false;
    while (true) {
      int head = in.readInt();
      int length = head >>> 8;
      int type = head & 0xff;
      int flags = in.readUnsignedByte();
      int id = in.readInt() & Integer.MAX_VALUE;
      if (length > MAX_FRAME) {
        throw new IOException("a frame of " + length + " bytes");
      }
      byte[] payload = in.readNBytes(length);
      if (payload.length < length) {
        throw new IOException("a frame is cut short");
      }
      switch (type) {
        case SETTINGS -> acknowledge(SETTINGS, flags, new byte[0]);
        case PING -> acknowledge(PING, flags, payload);
        case GOAWAY -> ending = true;
        case RST_STREAM -> throw new IOException("the stream was reset");
        case HEADERS -> good |= id == stream && isOk(payload);
        case DATA -> {
          if (length > 0) {
            send(WINDOW_UPDATE, 0, 0, ByteBuffer.allocate(4).putInt(length).array());
          }
        }
        default -> {}
      }
      if (id == stream && (type == HEADERS || type == DATA) && (flags & END_STREAM) != 0) {
        if (!good) {
          throw new IOException("the answer is not 200");
        }
        return;
      }
    }
  }

  /** The status comes first, after changes of the table's size. */
  static boolean isOk(byte[] block) {
    int at = 0;
    while (at < block.length && (block[at] & 0xe0) == 0x20) {
      boolean longer = (block[at++] & 0x1f) == 0x1f;
      while (longer && at < block.length) {
        longer = block[at++] < 0;
      }
    }
    return at < block.length && (block[at] & 0xff) == STATUS_OK;
  }

  private void acknowledge(int type, int flags, byte[] payload) throws IOException {
    if ((flags & ACK) == 0) {
      send(type, ACK, 0, payload);
    }
  }

  private void send(int type, int flags, int id, byte[] payload) throws IOException {
    out.write(
        ByteBuffer.allocate(9 + payload.length)
            .putInt(payload.length << 8 | type)
            .put((byte) flags)
            .putInt(id)
            .put(payload)
            .array());
  }

  @Override
  public boolean isEnding() {
    return ending;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
