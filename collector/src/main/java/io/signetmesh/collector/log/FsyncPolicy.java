package io.signetmesh.collector.log;

/** When what was appended is on the disk. A receipt is given after that. */
public enum FsyncPolicy {
  /** As soon as the disk is free: what has come meanwhile is written together. */
  BATCH,
  /**
   * What comes in a second is written together, or as soon as there is much of it: fewer writes for
   * receipts that come later.
   */
  SECOND,
  /**
   * When the operating system writes it. It outlives the process, and not the host: after a power
   * failure acknowledged records may be missing, and the log may not open.
   */
  OS
}
