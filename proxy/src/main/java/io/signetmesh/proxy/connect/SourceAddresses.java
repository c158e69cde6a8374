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
 * The addresses from which calls to peers are made: those of the workload, where they are addresses
 * of this host. Several workloads of one host share its routes, and without this the kernel would
 * choose one address for all, or 127.0.0.1: networks in policy are about the workload's own.
 */
public final class SourceAddresses {
  /** Calls come from the address that the kernel chooses. */
  public static final SourceAddresses NONE = new SourceAddresses(List.of());

  private final List<InetAddress> addresses;

  private SourceAddresses(List<InetAddress> addresses) {
    this.addresses = List.copyOf(addresses);
  }

  /** Those of the addresses that this host has, in the order given. */
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
