package io.signetmesh.identity.spiffe;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Calls {@code FetchX509SVID} with nothing but the JDK, so that it runs as any user from any place.
 * Prints {@code message} when one has come, or {@code grpc-status CODE}.
 */
public final class RawWorkloadCall {
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int SETTINGS = 4;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int ACK = 1;

  private RawWorkloadCall() {}

  public static void main(String[] args) throws IOException {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(Path.of(args[0])));
      OutputStream out = Channels.newOutputStream(channel);
      out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      // SETTINGS_HEADER_TABLE_SIZE 0: what comes back is literal.
      out.write(frame(SETTINGS, 0, 0, new byte[] {0, 1, 0, 0, 0, 0}));
      out.write(frame(HEADERS, END_HEADERS, 1, headers()));
      out.write(frame(DATA, END_STREAM, 1, new byte[5]));
      System.out.println(answer(new DataInputStream(Channels.newInputStream(channel)), out));
    }
  }

  private static String answer(DataInputStream in, OutputStream out) throws IOException {
    while (true) {
      int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
      int type = in.readUnsignedByte();
      int flags = in.readUnsignedByte();
      in.readInt();
      byte[] payload = in.readNBytes(length);
      if (type == SETTINGS && (flags & ACK) == 0) {
        out.write(frame(SETTINGS, ACK, 0, new byte[0]));
      } else if (type == DATA && length > 5) {
        return "message";
      } else if (type == HEADERS) {
        String block = new String(payload, StandardCharsets.ISO_8859_1);
        int at = block.indexOf("grpc-status");
        if (at >= 0) {
          int value = at + "grpc-status".length();
          return "grpc-status " + block.substring(value + 1, value + 1 + block.charAt(value));
        }
      }
    }
  }

  private static byte[] headers() {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    literal(block, ":method", "POST");
    literal(block, ":scheme", "http");
    literal(block, ":path", "/SpiffeWorkloadAPI/FetchX509SVID");
    literal(block, ":authority", "localhost");
    literal(block, "content-type", "application/grpc");
    literal(block, "te", "trailers");
    literal(block, "workload.spiffe.io", "true");
    return block.toByteArray();
  }

  private static void literal(ByteArrayOutputStream block, String name, String value) {
    block.write(0);
    block.write(name.length());
    block.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    block.write(value.length());
    block.writeBytes(value.getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] frame(int type, int flags, int stream, byte[] payload) {
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    frame.write(0);
    frame.write(payload.length >> 8);
    frame.write(payload.length);
    frame.write(type);
    frame.write(flags);
    frame.writeBytes(new byte[] {0, 0, 0, (byte) stream});
    frame.writeBytes(payload);
    return frame.toByteArray();
  }
}
