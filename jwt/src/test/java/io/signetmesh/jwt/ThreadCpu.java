package io.signetmesh.jwt;

import java.lang.management.ManagementFactory;

/** CPU time, which does not grow while others use the machine. */
public final class ThreadCpu {
  private ThreadCpu() {}

  /** CPU time of this thread, in nanoseconds since some time. */
  public static long nanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
