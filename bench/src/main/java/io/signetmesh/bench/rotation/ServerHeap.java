package io.signetmesh.bench.rotation;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** Reads how much of its heap another JVM of this host and user uses, over its own JMX agent. */
final class ServerHeap implements AutoCloseable {
  private static final double MEGABYTE = 1 << 20;

  private final JMXConnector connector;
  private final MemoryMXBean memory;

  private ServerHeap(JMXConnector connector, MemoryMXBean memory) {
    this.connector = connector;
    this.memory = memory;
  }

  /**
   * Attaches to a JVM.
   *
   * @throws IOException when the process is no JVM or does not answer
   */
  @SuppressWarnings("BanJNDI") // The address is of a process that this one has started.
  static ServerHeap attach(long pid) throws IOException {
    String address;
    try {
      VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
      try {
        address = machine.startLocalManagementAgent();
      } finally {
        machine.detach();
      }
    } catch (AttachNotSupportedException e) {
      throw new IOException("the JVM " + pid + " cannot be attached to", e);
    }
    JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address));
    try {
      return new ServerHeap(
          connector,
          ManagementFactory.newPlatformMXBeanProxy(
              connector.getMBeanServerConnection(),
              ManagementFactory.MEMORY_MXBEAN_NAME,
              MemoryMXBean.class));
    } catch (IOException e) {
      connector.close();
      throw e;
    }
  }

  /** Heap in use now, with what the next collection frees, in MB (2^20 bytes). */
  double usedMegabytes() {
    return memory.getHeapMemoryUsage().getUsed() / MEGABYTE;
  }

  @Override
  public void close() throws IOException {
    connector.close();
  }
}
