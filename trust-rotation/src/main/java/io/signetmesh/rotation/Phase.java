package io.signetmesh.rotation;

/** The phases of a rotation, in order. {@link RotationProcedure} says what each does. */
public enum Phase {
  /** The plan is checked. Nothing has changed. */
  PREPARE,
  /** All workloads come to trust the anchors before and after. */
  DISTRIBUTE,
  /** The identity server issues under the anchors that stay. */
  ACTIVATE,
  /** All workloads come to serve leaves under the anchors that stay. */
  RENEW,
  /** All workloads stop to trust the anchors that leave. */
  RETIRE,
  /** The rotation has ended. */
  DONE
}
