package io.signetmesh.audit;

/** When the records of a journal are forced to the disk. */
public enum JournalSync {
  /** When the kernel likes: they survive the process, and maybe not the host. */
  OS,
  /** About a second after they were written. */
  SECOND,
  /** With each batch: before anybody is told of them. */
  BATCH
}
