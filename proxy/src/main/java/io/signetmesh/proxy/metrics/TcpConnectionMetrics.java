package io.signetmesh.proxy.metrics;

import org.jspecify.annotations.Nullable;

/**
 * Counts one open connection, to one of its two sides. Made when the connection is established;
 * {@link #closed} ends it, once.
 */
public final class TcpConnectionMetrics {
  private final TcpSeries series;
  private boolean open = true;

  TcpConnectionMetrics(TcpSeries series) {
    this.series = series;
    series.opened();
  }

  /** Bytes came from the peer. */
  public void read(long bytes) {
    series.read(bytes);
  }

  /** Bytes went to the peer. */
  public void written(long bytes) {
    series.written(bytes);
  }

  /**
   * The connection is closed; later calls do nothing.
   *
   * @param cause the I/O error that ended it, or null for an orderly end
   */
  public void closed(@Nullable Throwable cause) {
    if (open) {
      open = false;
      series.closed(Errno.of(cause));
    }
  }
}
