package io.signetmesh.e2e.harness;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * An HTTP/2 client that writes frames as no library would: in the clear, or in TLS without a
 * certificate and without looking at the server's. Not thread-safe.
 */
public final class Http2Intruder implements AutoCloseable {
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final int MAX_FRAME = 16_384;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final Socket socket;

  private Http2Intruder(Socket socket) {
    this.socket = socket;
  }

  /** Connects and sends the preface. */
  public static Http2Intruder connect(InetSocketAddress server, boolean tls)
      throws IOException, GeneralSecurityException {
    Socket plain = new Socket(server.getAddress(), server.getPort());
    try {
      Socket socket = tls ? secured(plain, server) : plain;
      socket.setSoTimeout((int) LIMIT.toMillis());
      socket.getOutputStream().write(concat(PREFACE, frame(SETTINGS, 0, 0, new byte[0])));
      return new Http2Intruder(socket);
    } catch (IOException | GeneralSecurityException e) {
      plain.close();
      throw e;
    }
  }

  /**
   * Sends a GET with one header field of that length, in as many frames as it takes, without
   * waiting for the server to take it.
   */
  public void longHeader(int length) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                OutputStream out = socket.getOutputStream();
                byte[] block = concat(request(), field(length));
                for (int at = 0; at < block.length; at += MAX_FRAME) {
                  int end = Math.min(block.length, at + MAX_FRAME);
                  byte[] part = Arrays.copyOfRange(block, at, end);
                  int last = end == block.length ? END_HEADERS : 0;
                  out.write(
                      at == 0
                          ? frame(HEADERS, END_STREAM | last, 1, part)
                          : frame(CONTINUATION, last, 1, part));
                }
              } catch (IOException e) {
                // The server has heard enough.
              }
            });
  }

  /** Sends a request and then a window update by nothing: a stream error, RFC 9113 section 6.9. */
  public void brokenStream() throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write(frame(HEADERS, END_HEADERS, 1, request()));
    out.write(frame(WINDOW_UPDATE, 0, 1, new byte[4]));
  }

  /** Reads up to RST_STREAM, GOAWAY, a response, or the end; false when it is a success. */
  public boolean isRefused() throws IOException {
    InputStream in = socket.getInputStream();
    try {
      while (true) {
        byte[] head = in.readNBytes(9);
        if (head.length < 9) {
          return true;
        }
        int size = (head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | head[2] & 0xff;
        byte[] payload = in.readNBytes(size);
        switch (head[3]) {
          case RST_STREAM, GOAWAY -> {
            return true;
          }
          case HEADERS -> {
            // Index 8 of the static table is ":status: 200".
            return payload.length > 0 && payload[0] != (byte) 0x88;
          }
          default -> {}
        }
      }
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      // Reset: an end too.
      return true;
    }
  }

  /** GET http://web/, RFC 7541 appendix A. */
  private static byte[] request() {
    return new byte[] {(byte) 0x82, (byte) 0x86, (byte) 0x84, 0x01, 3, 'w', 'e', 'b'};
  }

  /** A literal header field without indexing, RFC 7541 section 6.2.2. */
  private static byte[] field(int length) {
    ByteArrayOutputStream field = new ByteArrayOutputStream();
    field.writeBytes(new byte[] {0x00, 1, 'x', 0x7f});
    int rest = length - 0x7f;
    while (rest >= 0x80) {
      field.write(rest & 0x7f | 0x80);
      rest >>>= 7;
    }
    field.write(rest);
    byte[] value = new byte[length];
    Arrays.fill(value, (byte) 'a');
    field.writeBytes(value);
    return field.toByteArray();
  }

  private static byte[] frame(int type, int flags, int stream, byte[] payload) {
    return concat(
        new byte[] {
          (byte) (payload.length >>> 16),
          (byte) (payload.length >>> 8),
          (byte) payload.length,
          (byte) type,
          (byte) flags,
          0,
          0,
          0,
          (byte) stream
        },
        payload);
  }

  private static SSLSocket secured(Socket plain, InetSocketAddress server)
      throws IOException, GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, new TrustManager[] {new Anyone()}, new SecureRandom());
    SSLSocket socket =
        (SSLSocket)
            context
                .getSocketFactory()
                .createSocket(plain, server.getAddress().getHostAddress(), server.getPort(), true);
    socket.startHandshake();
    return socket;
  }

  /** The intruder does not care whom it talks to. */
  private static final class Anyone implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  private static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
