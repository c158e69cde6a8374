package io.signetmesh.proxy.linux;

import java.io.IOException;

/** A system call that failed. The message has the call, the number and what it stands for. */
public final class LinuxException extends IOException {
  private static final long serialVersionUID = 1;

  private final int errno;

  /**
   * @param call name of the call, for example {@code socket(2)}
   * @param errno number of the error, errno(3)
   * @param description what it stands for
   */
  public LinuxException(String call, int errno, String description) {
    super(call + ": errno " + errno + ", " + description);
    this.errno = errno;
  }

  /** Number of the error, errno(3). */
  public int errno() {
    return errno;
  }
}
