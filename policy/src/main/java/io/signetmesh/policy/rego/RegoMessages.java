package io.signetmesh.policy.rego;

import com.google.protobuf.Duration;
import io.signetmesh.crds.rego.RegoAuthenticationSpec;
import io.signetmesh.crds.schema.ByteSize;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.v1.RegoAuthentication;

/** Makes the messages of RegoAuthentications. Equal specs make equal bytes. */
public final class RegoMessages {
  private static final java.time.Duration MIN_TIME = java.time.Duration.ofMillis(1);
  private static final java.time.Duration MAX_TIME = java.time.Duration.ofSeconds(1);
  private static final long MIN_MEMORY = 1L << 20;
  private static final long MAX_MEMORY = 64L << 20;

  private RegoMessages() {}

  /**
   * The message of an object, without its bundle.
   *
   * @param name {@code namespace/name}
   * @throws IllegalArgumentException when a proxy would not understand it
   */
  public static RegoAuthentication of(String name, RegoAuthenticationSpec spec) {
    java.time.Duration time = GoDuration.parse(spec.cpuTime());
    if (time.compareTo(MIN_TIME) < 0 || time.compareTo(MAX_TIME) > 0) {
      throw new IllegalArgumentException(
          "spec.cpuTime is \"" + spec.cpuTime() + "\": expected 1ms to 1s");
    }
    long memory = ByteSize.parse(spec.memory());
    if (memory < MIN_MEMORY || memory > MAX_MEMORY) {
      throw new IllegalArgumentException(
          "spec.memory is \"" + spec.memory() + "\": expected 1Mi to 64Mi");
    }
    if (spec.entrypoint().isEmpty()) {
      throw new IllegalArgumentException("spec.entrypoint is empty");
    }
    return RegoAuthentication.newBuilder()
        .setName(name)
        .setEntrypoint(spec.entrypoint())
        .setCpuTime(Duration.newBuilder().setSeconds(time.getSeconds()).setNanos(time.getNano()))
        .setMaxMemory(memory)
        .build();
  }
}
