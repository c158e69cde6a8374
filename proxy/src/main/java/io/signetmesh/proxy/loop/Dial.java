package io.signetmesh.proxy.loop;

import io.netty.channel.ChannelHandler;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A connection to be made.
 *
 * @param target address to connect to
 * @param source own address; null: the kernel chooses
 * @param keepAlive of the connection
 * @param limit time for the socket and TCP together, 1 ms or more
 * @param handler first handler of the channel
 */
public record Dial(
    InetSocketAddress target,
    @Nullable InetSocketAddress source,
    TcpKeepAlive keepAlive,
    Duration limit,
    ChannelHandler handler) {}
