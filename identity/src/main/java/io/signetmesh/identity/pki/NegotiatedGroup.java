package io.signetmesh.identity.pki;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.AttributeKey;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Detects the key exchange group of a TLS 1.3 handshake, which netty-tcnative does not report. The
 * ServerHello (RFC 8446 section 4.1.3) is not encrypted, and its key_share extension names the
 * group.
 *
 * <p>Add it between the socket and the TLS handler before the handshake. It reads the bytes without
 * changing or copying them, and removes itself once it knows the group or sees that this is not a
 * TLS 1.3 handshake.
 */
public final class NegotiatedGroup extends ChannelDuplexHandler {
  private static final AttributeKey<String> GROUP =
      AttributeKey.valueOf(NegotiatedGroup.class, "group");

  private static final int CHANGE_CIPHER_SPEC = 20;
  private static final int HANDSHAKE = 22;
  private static final int SERVER_HELLO = 2;
  private static final int KEY_SHARE = 0x0033;
  private static final int RECORD_HEADER = 5;

  /** Offset of the length of the session id: message header (4), version (2), random (32). */
  private static final int SESSION_ID = 38;

  private final boolean server;

  /** Bytes of the record header seen, then of the record's content left. */
  private int headerSeen;

  private int recordType;
  private int recordLeft;

  /** Offset in the handshake message, which may span records. */
  private int offset;

  private int messageEnd;
  private int extensionsStart;

  /** Bytes of the extension's header seen; its type and length, then its content left. */
  private int extensionSeen;

  private int extensionType;
  private int extensionLeft;
  private int group;
  private boolean done;

  private NegotiatedGroup(boolean server) {
    this.server = server;
  }

  /** For a connection on which this side is the TLS server. */
  public static NegotiatedGroup onServer() {
    return new NegotiatedGroup(true);
  }

  /** For a connection on which this side is the TLS client. */
  public static NegotiatedGroup onClient() {
    return new NegotiatedGroup(false);
  }

  /**
   * The group of the connection, e.g. {@code X25519MLKEM768}, {@code X25519}, {@code P-256};
   * hexadecimal for a group that has no name here. Null before the ServerHello, or when no
   * ServerHello was seen.
   */
  public static @Nullable String of(Channel channel) {
    return channel.hasAttr(GROUP) ? channel.attr(GROUP).get() : null;
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (server && message instanceof ByteBuf bytes) {
      follow(ctx, bytes);
    }
    ctx.write(message, promise);
    leaveWhenDone(ctx);
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (!server && message instanceof ByteBuf bytes) {
      follow(ctx, bytes);
    }
    ctx.fireChannelRead(message);
    leaveWhenDone(ctx);
  }

  private void leaveWhenDone(ChannelHandlerContext ctx) {
    if (done && !ctx.isRemoved()) {
      ctx.pipeline().remove(this);
    }
  }

  private void follow(ChannelHandlerContext ctx, ByteBuf bytes) {
    int end = bytes.writerIndex();
    for (int i = bytes.readerIndex(); i < end && !done; i++) {
      onByte(bytes.getByte(i) & 0xff);
    }
    if (done && group != 0) {
      ctx.channel().attr(GROUP).set(name(group));
      group = 0;
    }
  }

  private void onByte(int b) {
    if (headerSeen < RECORD_HEADER) {
      if (headerSeen == 0) {
        recordType = b;
        if (b != HANDSHAKE && b != CHANGE_CIPHER_SPEC) {
          group = 0;
          done = true;
        }
      } else if (headerSeen >= 3) {
        recordLeft = recordLeft << 8 | b;
      }
      headerSeen++;
    } else {
      if (recordType == HANDSHAKE) {
        onHandshakeByte(b);
      }
      recordLeft--;
    }
    if (headerSeen == RECORD_HEADER && recordLeft == 0) {
      headerSeen = 0;
    }
  }

  private void onHandshakeByte(int b) {
    int at = offset++;
    if (at == 0) {
      messageEnd = 0;
      extensionsStart = Integer.MAX_VALUE;
      extensionSeen = 0;
      done = b != SERVER_HELLO;
    } else if (at < 4) {
      messageEnd = messageEnd << 8 | b;
      if (at == 3) {
        messageEnd += 4;
      }
    } else if (at == SESSION_ID) {
      // Session id, cipher suite (2), compression (1), length of extensions (2).
      extensionsStart = SESSION_ID + 1 + b + 5;
    } else if (at >= extensionsStart) {
      onExtensionByte(b);
    }
    if (at >= 3 && offset == messageEnd) {
      // Either a HelloRetryRequest that changes no group, or TLS 1.2: the next message tells.
      offset = 0;
    }
  }

  /**
   * A HelloRetryRequest looks like a ServerHello, and the group that it names is the one that the
   * ServerHello after it must have (RFC 8446 section 4.2.8): no need to tell them apart.
   */
  private void onExtensionByte(int b) {
    switch (extensionSeen) {
      case 0 -> extensionType = b;
      case 1 -> extensionType = extensionType << 8 | b;
      case 2 -> extensionLeft = b;
      case 3 -> extensionLeft = extensionLeft << 8 | b;
      default -> {
        extensionLeft--;
        if (extensionType == KEY_SHARE && extensionSeen == 4) {
          group = b;
        } else if (extensionType == KEY_SHARE && extensionSeen == 5) {
          group = group << 8 | b;
          done = true;
        }
      }
    }
    extensionSeen++;
    if (extensionSeen >= 4 && extensionLeft == 0) {
      extensionSeen = 0;
    }
  }

  private static String name(int group) {
    return switch (group) {
      case 0x11EC -> "X25519MLKEM768";
      case 0x001D -> "X25519";
      case 0x0017 -> "P-256";
      case 0x0018 -> "P-384";
      default -> String.format(Locale.ROOT, "0x%04X", group);
    };
  }
}
