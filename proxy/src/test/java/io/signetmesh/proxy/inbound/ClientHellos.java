package io.signetmesh.proxy.inbound;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;

/** The least that is a ClientHello. */
final class ClientHellos {
  private ClientHellos() {}

  static ByteBuf withServerName(String name) {
    byte[] host = name.getBytes(StandardCharsets.US_ASCII);
    ByteBuf extensions =
        Unpooled.buffer()
            .writeShort(0)
            .writeShort(host.length + 5)
            .writeShort(host.length + 3)
            .writeByte(0)
            .writeShort(host.length)
            .writeBytes(host);
    ByteBuf body =
        Unpooled.buffer()
            .writeShort(0x0303)
            .writeZero(32)
            .writeByte(0)
            .writeShort(2)
            .writeShort(0x1301)
            .writeByte(1)
            .writeByte(0)
            .writeShort(extensions.readableBytes())
            .writeBytes(extensions);
    ByteBuf hello =
        Unpooled.buffer().writeByte(1).writeMedium(body.readableBytes()).writeBytes(body);
    return Unpooled.buffer()
        .writeByte(22)
        .writeShort(0x0301)
        .writeShort(hello.readableBytes())
        .writeBytes(hello);
  }
}
