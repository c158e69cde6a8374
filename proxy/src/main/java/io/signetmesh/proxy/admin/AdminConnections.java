package io.signetmesh.proxy.admin;

import io.netty.channel.Channel;
import io.signetmesh.proxy.memory.ClientNetwork;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The connections to the admin port, and the answers on them that are not read yet. When there is
 * no room for more, the address that holds most gives up its oldest one: a client that opens
 * connections and leaves them keeps no probe out, which would have the proxy restarted, and one
 * that asks for metrics and does not read them takes no more than its part of the heap. An address
 * stands for itself in IPv4 and for its /64 in IPv6. Confined to the event loop of the server.
 */
final class AdminConnections {
  private final int most;
  private final long mostUnread;

  /** In the order in which they came. */
  private final Map<ClientNetwork, Source> sources = new LinkedHashMap<>();

  private int held;
  private long unread;

  /** An address with its connections, in the order in which they came, and what waits on each. */
  private static final class Source {
    private final ClientNetwork network;
    private final Map<Channel, Long> connections = new LinkedHashMap<>();
    private long unread;

    Source(ClientNetwork network) {
      this.network = network;
    }

    long size() {
      return connections.size();
    }

    long unread() {
      return unread;
    }

    /** The oldest connection on which something waits. */
    @Nullable Channel oldestUnread() {
      for (Map.Entry<Channel, Long> connection : connections.entrySet()) {
        if (connection.getValue() > 0) {
          return connection.getKey();
        }
      }
      return null;
    }
  }

  /**
   * @param most connections at the same time, at least 1
   * @param mostUnread bytes of answers that are not read, over all connections; one answer is let
   *     through whatever its size
   */
  AdminConnections(int most, long mostUnread) {
    this.most = most;
    this.mostUnread = mostUnread;
  }

  /**
   * Takes a connection, if need be in place of another.
   *
   * @return false when no other address holds more than the connection's own, or when the
   *     connection is gone already
   */
  boolean admit(Channel channel) {
    if (!(channel.remoteAddress() instanceof InetSocketAddress client)) {
      return false;
    }
    ClientNetwork network = ClientNetwork.of(client.getAddress());
    if (held >= most) {
      Source largest = largestBut(network, Source::size);
      if (largest == null) {
        return false;
      }
      drop(largest, largest.connections.keySet().iterator().next());
    }
    Source source = sources.computeIfAbsent(network, Source::new);
    source.connections.put(channel, 0L);
    held++;
    channel.closeFuture().addListener(closed -> release(source, channel));
    return true;
  }

  /**
   * Takes room for an answer, if need be that of others. It is given back by {@link #read}, and
   * when the connection closes.
   *
   * @return false when no other address holds more than the connection's own
   */
  boolean answer(Channel channel, int bytes) {
    Source source = of(channel);
    if (source == null) {
      return false;
    }
    while (unread > 0 && unread + bytes > mostUnread) {
      Source largest = largestBut(source.network, Source::unread);
      Channel oldest = largest == null ? null : largest.oldestUnread();
      if (largest == null || oldest == null) {
        return false;
      }
      drop(largest, oldest);
    }
    source.connections.merge(channel, (long) bytes, Long::sum);
    source.unread += bytes;
    unread += bytes;
    return true;
  }

  /** The client has taken all answers of a connection. */
  void read(Channel channel) {
    Source source = of(channel);
    if (source != null) {
      long bytes = source.connections.replace(channel, 0L);
      source.unread -= bytes;
      unread -= bytes;
    }
  }

  private @Nullable Source of(Channel channel) {
    return channel.remoteAddress() instanceof InetSocketAddress client
            && sources.get(ClientNetwork.of(client.getAddress())) instanceof Source source
            && source.connections.containsKey(channel)
        ? source
        : null;
  }

  /** The address that holds most; null when none holds more than a given one. */
  private @Nullable Source largestBut(ClientNetwork network, ToLongFunction<Source> of) {
    Source own = sources.get(network);
    @Nullable Source largest = null;
    for (Source source : sources.values()) {
      if (source != own && (largest == null || of.applyAsLong(source) > of.applyAsLong(largest))) {
        largest = source;
      }
    }
    long holds = own == null ? 0 : of.applyAsLong(own);
    return largest == null || of.applyAsLong(largest) <= holds ? null : largest;
  }

  private void drop(Source source, Channel channel) {
    release(source, channel);
    channel.close();
  }

  private void release(Source source, Channel channel) {
    Long bytes = source.connections.remove(channel);
    if (bytes != null) {
      held--;
      source.unread -= bytes;
      unread -= bytes;
      if (source.connections.isEmpty()) {
        sources.remove(source.network);
      }
    }
  }
}
