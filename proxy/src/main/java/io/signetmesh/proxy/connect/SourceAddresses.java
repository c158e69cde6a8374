package io.signetmesh.proxy.connect;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The source addresses of connections to peers: those addresses of the workload that this host has.
 * Several workloads of one host share its routes, so the kernel would choose one address for all of
 * them, or 127.0.0.1. Networks in policy refer to the workload's own address.
 */
public final class SourceAddresses {
  /** The kernel chooses the source address. */
  public static final SourceAddresses NONE = new SourceAddresses(List.of());

  private final List<InetAddress> addresses;

  private SourceAddresses(List<InetAddress> addresses) {
    this.addresses = List.copyOf(addresses);
  }

  /** Keeps those addresses that this host has, in the given order. */
  public static SourceAddresses of(Collection<InetAddress> workload) {
    List<InetAddress> local = new ArrayList<>();
    for (InetAddress address : workload) {
      if (!address.isAnyLocalAddress() && isLocal(address)) {
        local.add(address);
      }
    }
    return new SourceAddresses(local);
  }

  private static boolean isLocal(InetAddress address) {
    try (DatagramSocket probe = new DatagramSocket(new InetSocketAddress(address, 0))) {
      return probe.isBound();
    } catch (SocketException e) {
      return false;
    }
  }

  /**
   * Where a call to an address comes from; null: where the kernel has it come from. An address of
   * the loopback network reaches nothing else, and one of another family nothing at all.
   */
  @Nullable InetSocketAddress towards(InetAddress target) {
    for (InetAddress address : addresses) {
      if (address.getClass() == target.getClass()
          && (!address.isLoopbackAddress() || target.isLoopbackAddress())) {
        return new InetSocketAddress(address, 0);
      }
    }
    return null;
  }
}
