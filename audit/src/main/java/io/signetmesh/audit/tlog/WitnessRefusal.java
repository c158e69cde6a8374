package io.signetmesh.audit.tlog;

/** A witness does not cosign a checkpoint. */
public final class WitnessRefusal extends Exception {
  private static final long serialVersionUID = 1L;

  private final Kind kind;
  private final long size;

  /** Why, with the HTTP status of C2SP {@code tlog-witness}. */
  public enum Kind {
    /** The old size is larger than the new one. */
    BAD_REQUEST(400),
    /** The checkpoint is not signed by its log. */
    NOT_SIGNED(403),
    /** The witness does not know the log. */
    UNKNOWN_LOG(404),
    /** The witness has cosigned another size last. */
    OTHER_SIZE(409),
    /** It is another history than the one that the witness has cosigned. */
    INCONSISTENT(422);

    private final int status;

    Kind(int status) {
      this.status = status;
    }

    /** The HTTP status. */
    public int status() {
      return status;
    }
  }

  WitnessRefusal(Kind kind, long size, String message) {
    super(message);
    this.kind = kind;
    this.size = size;
  }

  /** Why. */
  public Kind kind() {
    return kind;
  }

  /** Size that the witness has cosigned last; 0 when there is none. */
  public long size() {
    return size;
  }
}
