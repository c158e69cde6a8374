package io.signetmesh.proxy.admin;

import io.netty.channel.Channel;
import io.signetmesh.proxy.memory.ClientNetwork;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The connections to the admin ports of a process, and the answers on them that are not read yet.
 * Each port has a {@link Share}, and in it {@value #RESERVED} places that no other one takes. When
 * there is no room for more, the port that holds most gives up a connection, and of it the address
 * that holds most its oldest one. So neither the clients of one workload nor one address keep
 * probes out, which would have a proxy restarted; and who asks for metrics and does not read them
 * takes no more than a part of the heap. An address stands for itself in IPv4 and for its /64 in
 * IPv6. Confined to the event loop of the servers.
 */
final class AdminConnections {
  /** Places of each port that are its own: some probes and a scrape. */
  static final int RESERVED = 4;

  /** Answers of so many bytes are let through in any case, probes among them. */
  static final int SMALL = 1024;

  private final int most;
  private final long mostUnread;

  /** Those that hold connections. */
  private final Set<Share> shares = new LinkedHashSet<>();

  /** Connections beyond the reserved places. */
  private int common;

  private long unread;

  /**
   * @param most connections at the same time, beside those in reserved places
   * @param mostUnread bytes of answers that are not read, over all connections; one answer is let
   *     through whatever its size
   */
  AdminConnections(int most, long mostUnread) {
    this.most = most;
    this.mostUnread = mostUnread;
  }

  /**
   * Makes the share of a port; from any thread.
   *
   * @param mostOfPort connections to it at the same time, at least 1
   */
  Share share(int mostOfPort) {
    return new Share(mostOfPort);
  }

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

    Channel oldest() {
      return connections.keySet().iterator().next();
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

  /** The one that holds most; null when none holds more than a given one. */
  private static <T> @Nullable T largestBut(
      @Nullable T own, Collection<T> all, ToLongFunction<T> of) {
    @Nullable T largest = null;
    for (T each : all) {
      if (each != own && (largest == null || of.applyAsLong(each) > of.applyAsLong(largest))) {
        largest = each;
      }
    }
    long holds = own == null ? 0 : of.applyAsLong(own);
    return largest == null || of.applyAsLong(largest) <= holds ? null : largest;
  }

  /** The connections to one port. */
  final class Share {
    private final int mostOfPort;

    /** In the order in which they came. */
    private final Map<ClientNetwork, Source> sources = new LinkedHashMap<>();

    private int held;
    private long unreadOfPort;

    private Share(int mostOfPort) {
      this.mostOfPort = mostOfPort;
    }

    private long held() {
      return held;
    }

    private long unread() {
      return unreadOfPort;
    }

    /**
     * Takes a connection, if need be in place of another.
     *
     * @return false when no other port, and no other address of this one, holds more than the
     *     connection's own, or when the connection is gone already
     */
    boolean admit(Channel channel) {
      if (!(channel.remoteAddress() instanceof InetSocketAddress client)) {
        return false;
      }
      ClientNetwork network = ClientNetwork.of(client.getAddress());
      if (!makeRoom(network)) {
        return false;
      }
      Source source = sources.computeIfAbsent(network, Source::new);
      source.connections.put(channel, 0L);
      held++;
      if (held > RESERVED) {
        common++;
      }
      shares.add(this);
      channel.closeFuture().addListener(closed -> release(source, channel));
      return true;
    }

    private boolean makeRoom(ClientNetwork network) {
      if (held < mostOfPort && (held < RESERVED || common < most)) {
        return true;
      }
      Share largest =
          held < mostOfPort ? largestBut(this, AdminConnections.this.shares, Share::held) : null;
      if (largest != null) {
        // More than the reserved places, which this one has taken.
        Source loser = largestBut(null, largest.sources.values(), Source::size);
        return loser != null && largest.drop(loser, loser.oldest());
      }
      Source loser = largestBut(sources.get(network), sources.values(), Source::size);
      return loser != null && drop(loser, loser.oldest());
    }

    /**
     * Takes room for an answer, if need be that of others. It is given back by {@link #read}, and
     * when the connection closes.
     *
     * @return false when no other port, and no other address of this one, holds more than the
     *     connection's own
     */
    boolean answer(Channel channel, int bytes) {
      Source source = of(channel);
      if (source == null) {
        return false;
      }
      while (bytes > SMALL
          && AdminConnections.this.unread > 0
          && AdminConnections.this.unread + bytes > mostUnread) {
        if (!dropUnread(source)) {
          return false;
        }
      }
      source.connections.merge(channel, (long) bytes, Long::sum);
      count(source, bytes);
      return true;
    }

    private boolean dropUnread(Source own) {
      Share largest = largestBut(this, AdminConnections.this.shares, Share::unread);
      Source loser =
          largest == null
              ? largestBut(own, sources.values(), Source::unread)
              : largestBut(null, largest.sources.values(), Source::unread);
      Channel oldest = loser == null ? null : loser.oldestUnread();
      return loser != null
          && oldest != null
          && (largest == null ? this : largest).drop(loser, oldest);
    }

    /** The client has taken all answers of a connection. */
    void read(Channel channel) {
      Source source = of(channel);
      if (source != null) {
        Long bytes = source.connections.replace(channel, 0L);
        count(source, bytes == null ? 0 : -bytes);
      }
    }

    private void count(Source source, long bytes) {
      source.unread += bytes;
      unreadOfPort += bytes;
      AdminConnections.this.unread += bytes;
    }

    private @Nullable Source of(Channel channel) {
      return channel.remoteAddress() instanceof InetSocketAddress client
              && sources.get(ClientNetwork.of(client.getAddress())) instanceof Source source
              && source.connections.containsKey(channel)
          ? source
          : null;
    }

    private boolean drop(Source source, Channel channel) {
      release(source, channel);
      channel.close();
      return true;
    }

    private void release(Source source, Channel channel) {
      Long bytes = source.connections.remove(channel);
      if (bytes == null) {
        return;
      }
      if (held > RESERVED) {
        common--;
      }
      held--;
      count(source, -bytes);
      if (source.connections.isEmpty()) {
        sources.remove(source.network);
      }
      if (held == 0) {
        shares.remove(this);
      }
    }
  }
}
