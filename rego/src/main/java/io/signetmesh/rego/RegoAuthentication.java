package io.signetmesh.rego;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.v1.RegoBundle;
import java.io.IOException;
import java.time.Instant;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An authentication by a policy bundle, compiled. Safe for use by several threads. Two of the same
 * message are equal, whenever their bundles end.
 */
public final class RegoAuthentication {
  private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long DEFAULT_CPU_TIME = 20 * MILLI;
  private static final long MOST_CPU_TIME = 1000 * MILLI;
  private static final int MEBIBYTE = 1 << 20;
  private static final int DEFAULT_MEMORY = 16 * MEBIBYTE;
  private static final int MOST_MEMORY = 64 * MEBIBYTE;
  private static final int MOST_NAME = 512;
  private static final int MOST_UNAVAILABLE = 256;
  private static final Pattern NAME = Pattern.compile("[a-z0-9.-]+/[a-z0-9.-]+");
  private static final Pattern ENTRYPOINT =
      Pattern.compile("[^/\\s\\p{Cntrl}]+(/[^/\\s\\p{Cntrl}]+)*");

  private final String name;
  private final String entrypoint;
  private final String digest;
  private final String unavailable;
  private final long cpuTime;
  private final int maxMemory;
  private final @Nullable Policy policy;
  private volatile long bundleEnd;

  private RegoAuthentication(io.signetmesh.v1.RegoAuthentication message)
      throws InvalidRegoException {
    name = message.getName();
    if (name.length() > MOST_NAME || !NAME.matcher(name).matches()) {
      throw new InvalidRegoException(
          "a RegoAuthentication has the name \"%s\", expected namespace/name"
              .formatted(PrintableText.of(name, 100)));
    }
    entrypoint = message.getEntrypoint();
    if (entrypoint.length() > MOST_NAME || !ENTRYPOINT.matcher(entrypoint).matches()) {
      throw new InvalidRegoException(
          "%s has the entry point \"%s\", expected a path such as mesh/allow"
              .formatted(name, PrintableText.of(entrypoint, 100)));
    }
    cpuTime = message.hasCpuTime() ? nanos(message.getCpuTime()) : DEFAULT_CPU_TIME;
    if (cpuTime < MILLI || cpuTime > MOST_CPU_TIME) {
      throw new InvalidRegoException(
          "%s has a CPU time of %s ns, expected 1 ms to 1 s".formatted(name, cpuTime));
    }
    long memory = message.getMaxMemory();
    maxMemory = memory == 0 ? DEFAULT_MEMORY : (int) memory;
    if (memory != 0
        && (Long.compareUnsigned(memory, MEBIBYTE) < 0
            || Long.compareUnsigned(memory, MOST_MEMORY) > 0)) {
      throw new InvalidRegoException(
          "%s may have %s bytes of memory, expected 1 MiB to 64 MiB"
              .formatted(name, Long.toUnsignedString(memory)));
    }
    RegoBundle bundle = message.getBundle();
    bundleEnd = end(bundle);
    if (!bundle.getUnknownFields().asMap().isEmpty()
        || !message.getUnknownFields().asMap().isEmpty()) {
      throw new InvalidRegoException(name + " has fields that this version does not know");
    }
    ByteString content = bundle.getContent();
    unavailable = PrintableText.of(bundle.getUnavailable(), MOST_UNAVAILABLE);
    if (content.isEmpty()) {
      digest = "";
      policy = null;
      return;
    }
    byte[] bytes = content.toByteArray();
    digest = PolicyCode.digest(bytes);
    String asked = digest + ' ' + entrypoint + ' ' + maxMemory;
    try {
      Refusals.SHARED.check(asked);
      MemoryBudget.Share budget = MemoryBudget.SHARED.share(name.substring(0, name.indexOf('/')));
      int pages = maxMemory / PolicyMemory.PAGE_SIZE;
      policy = policy(PolicyCode.of(bytes, pages, budget), asked, budget);
    } catch (InvalidRegoException e) {
      throw new InvalidRegoException(name + ": " + e.getMessage(), e.passing());
    }
  }

  /**
   * @param asked names the question whether the code has what is asked for
   */
  private Policy policy(PolicyCode code, String asked, MemoryBudget.Share budget)
      throws InvalidRegoException {
    Integer id = code.entrypoints().get(entrypoint);
    if (id == null) {
      throw Refusals.SHARED.keep(
          asked, new InvalidRegoException(missing(code.entrypoints().keySet())));
    }
    int pages = code.image().memory().pages();
    if (pages > maxMemory / PolicyMemory.PAGE_SIZE) {
      throw Refusals.SHARED.keep(
          asked,
          new InvalidRegoException(PolicyCode.tooLarge(pages, maxMemory / PolicyMemory.PAGE_SIZE)));
    }
    Policy policy = new Policy(code, id, cpuTime, maxMemory, budget);
    policy.warmUp();
    return policy;
  }

  private String missing(Set<String> entrypoints) {
    String nearest = NearestText.of(entrypoint, entrypoints);
    return "the bundle has no entry point %s%s; it has %s"
        .formatted(
            entrypoint,
            nearest != null ? ", did you mean " + PrintableText.of(nearest, 100) + "?" : "",
            PrintableText.of(String.join(", ", entrypoints), 300));
  }

  /**
   * Compiles a message. That takes some 100 ms to 2 s of CPU time for a bundle that is new to the
   * process, so it belongs on a thread that serves no connection. Bundles are compiled one at a
   * time, and those of equal bytes share the compiled code.
   *
   * @throws InvalidRegoException when a part of it is missing, out of range or unknown
   */
  public static RegoAuthentication compile(io.signetmesh.v1.RegoAuthentication message)
      throws InvalidRegoException {
    return new RegoAuthentication(message);
  }

  /** {@code namespace/name} of the resource. */
  public String name() {
    return name;
  }

  /** Path of the rule that answers. */
  public String entrypoint() {
    return entrypoint;
  }

  /** For people: what a request has to pass. */
  public String requirement() {
    return "yes from " + entrypoint + " of " + name;
  }

  /**
   * Takes the end of a bundle from a message that is equal but for it, as long as that is not
   * earlier than the end in force. Does nothing for an end that is out of range.
   */
  public void takeBundleEnd(io.signetmesh.v1.RegoAuthentication message) {
    try {
      long end = end(message.getBundle());
      synchronized (this) {
        bundleEnd = Math.max(bundleEnd, end);
      }
    } catch (InvalidRegoException e) {
      return;
    }
  }

  /** The message without what {@link #takeBundleEnd} can take. */
  public static io.signetmesh.v1.RegoAuthentication identity(
      io.signetmesh.v1.RegoAuthentication message) {
    if (!message.getBundle().hasExpiresAt()) {
      return message;
    }
    io.signetmesh.v1.RegoAuthentication.Builder identity = message.toBuilder();
    identity.getBundleBuilder().clearExpiresAt();
    return identity.build();
  }

  /**
   * Asks the policy, on the calling thread, which must be no event loop and needs a stack of 1 MiB
   * or more: on a smaller one a policy that calls itself fails, and so do deep inputs. Takes no
   * more CPU time and memory than the authentication allows. Never throws for any input or bundle.
   * A thread that is interrupted meanwhile stays so, and the answer is {@link Outcome#FAILED}.
   *
   * @param now time at which the bundle must not have ended
   */
  public RegoAnswer ask(RegoInput input, Instant now) {
    if (policy == null) {
      return new RegoAnswer(
          Outcome.UNAVAILABLE, unavailable.isEmpty() ? "there is no bundle" : unavailable);
    }
    if (now.toEpochMilli() >= bundleEnd) {
      return new RegoAnswer(
          Outcome.UNAVAILABLE, "the bundle has ended at " + Instant.ofEpochMilli(bundleEnd));
    }
    byte[] json;
    try {
      json = RegoInputWriter.write(input);
    } catch (RegoInputWriter.TooLargeException e) {
      return new RegoAnswer(
          Outcome.INPUT_TOO_LARGE, "the input has more than " + RegoInputWriter.MOST + " bytes");
    } catch (IOException | RuntimeException e) {
      return Policy.failed(e);
    }
    return policy.decide(json);
  }

  private static long nanos(Duration duration) {
    try {
      return Math.addExact(
          Math.multiplyExact(duration.getSeconds(), 1_000_000_000L), duration.getNanos());
    } catch (ArithmeticException e) {
      return -1;
    }
  }

  private static long end(RegoBundle bundle) throws InvalidRegoException {
    if (!bundle.hasExpiresAt()) {
      return Long.MAX_VALUE;
    }
    Timestamp end = bundle.getExpiresAt();
    if (end.getSeconds() < 0
        || end.getSeconds() > 253_402_300_799L
        || end.getNanos() < 0
        || end.getNanos() > 999_999_999) {
      throw new InvalidRegoException(
          "a bundle ends at %d s since 1970, expected a time until the year 9999"
              .formatted(end.getSeconds()));
    }
    return end.getSeconds() * 1000 + end.getNanos() / 1_000_000;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RegoAuthentication that
        && name.equals(that.name)
        && entrypoint.equals(that.entrypoint)
        && digest.equals(that.digest)
        && unavailable.equals(that.unavailable)
        && cpuTime == that.cpuTime
        && maxMemory == that.maxMemory;
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, entrypoint, digest, unavailable, cpuTime, maxMemory);
  }

  @Override
  public String toString() {
    return name;
  }
}
