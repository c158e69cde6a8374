package io.signetmesh.identity.channel;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.DefaultHttp2LocalFlowController;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Stream;

/**
 * Flow control of what a client sends, with a window of the connection that is opened again only
 * for what has been processed. gRPC's own opens it at once, so that with it a connection holds a
 * window for each of its streams. What has come and has not been processed is charged to the
 * client's share.
 */
final class MeteredWindow extends DefaultHttp2LocalFlowController {
  /** Objects that a DATA frame waits in, roughly; there may be one for each byte. */
  private static final int BYTES_PER_FRAME = 128;

  private final Http2Connection connection;
  private final CallBudget.Share share;
  private int frames;
  private long charged;

  MeteredWindow(Http2Connection connection, CallBudget.Share share) {
    super(connection, DEFAULT_WINDOW_UPDATE_RATIO, false);
    this.connection = connection;
    this.share = share;
    connection.addListener(
        new Http2ConnectionAdapter() {
          @Override
          public void onStreamClosed(Http2Stream stream) {
            settle();
          }
        });
  }

  @Override
  public void receiveFlowControlledFrame(
      Http2Stream stream, ByteBuf data, int padding, boolean endOfStream) throws Http2Exception {
    super.receiveFlowControlledFrame(stream, data, padding, endOfStream);
    frames++;
  }

  @Override
  public boolean consumeBytes(Http2Stream stream, int bytes) throws Http2Exception {
    boolean updated = super.consumeBytes(stream, bytes);
    settle();
    return updated;
  }

  /**
   * Brings the charge up to what waits now.
   *
   * @return false when that is more than the client's share
   */
  boolean settle() {
    int waiting = unconsumedBytes(connection.connectionStream());
    if (waiting == 0) {
      frames = 0;
    }
    long due = waiting + (long) frames * BYTES_PER_FRAME;
    if (due > charged) {
      if (!share.take(due - charged)) {
        return false;
      }
    } else {
      share.give(charged - due);
    }
    charged = due;
    return true;
  }
}
