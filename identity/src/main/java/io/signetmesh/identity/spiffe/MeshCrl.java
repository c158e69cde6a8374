package io.signetmesh.identity.spiffe;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.crl.Crl;
import io.signetmesh.v1.GetPublishedCrlResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mesh's revocation list in DER, for processes that verify their peers themselves. It is
 * fetched when one of the agent's clients knows of a newer list, once for all of them. Thread-safe.
 */
final class MeshCrl {
  private static final Logger log = LoggerFactory.getLogger(MeshCrl.class);

  private final Supplier<List<Source>> sources;
  private final Executor later;
  private final Runnable changed;
  private volatile Copy copy = new Copy(0, ByteString.EMPTY);
  private boolean fetching;

  /** A client of the identity server. */
  interface Source {
    /** CRL number of the list that it obeys; 0 without one. */
    long number();

    /** Asks for the newest list. */
    CompletableFuture<GetPublishedCrlResponse> fetch();
  }

  private record Copy(long number, ByteString der) {}

  /**
   * Makes one without a list.
   *
   * @param sources clients that can be asked now
   * @param later runs a task after a pause
   * @param changed told of another list, on the thread of whoever fetched it
   */
  MeshCrl(Supplier<List<Source>> sources, Executor later, Runnable changed) {
    this.sources = sources;
    this.later = later;
    this.changed = changed;
  }

  /** The newest list in DER; empty without one, and when it is too large for the Workload API. */
  ByteString der() {
    return copy.der;
  }

  /** Fetches the list if a client knows of a newer one. To be called when one has changed. */
  void look() {
    Source newest = null;
    for (Source source : sources.get()) {
      newest = newest == null || source.number() > newest.number() ? source : newest;
    }
    if (newest == null) {
      return;
    }
    long number = newest.number();
    synchronized (this) {
      if (fetching || number <= copy.number) {
        return;
      }
      fetching = true;
    }
    newest.fetch().whenComplete((answer, failure) -> fetched(number, answer, failure));
  }

  private void fetched(
      long wanted, @Nullable GetPublishedCrlResponse answer, @Nullable Throwable failure) {
    String trouble = answer == null ? String.valueOf(failure) : refusal(answer);
    if (answer == null || trouble != null) {
      log.warn("revocation list for processes not fetched, asking again: {}", trouble);
      later.execute(
          () -> {
            release();
            look();
          });
      return;
    }
    if (answer.getCrl().isEmpty() && !copy.der.isEmpty()) {
      log.warn("revocation list {} is too large for processes: they get none", answer.getNumber());
    }
    copy = new Copy(Math.max(wanted, answer.getNumber()), answer.getCrl());
    release();
    changed.run();
    // What has changed meanwhile.
    look();
  }

  private synchronized void release() {
    fetching = false;
  }

  /** Why an answer is not taken; null when it is. Who verifies peers by it checks who signed it. */
  private static @Nullable String refusal(GetPublishedCrlResponse answer) {
    if (answer.getCrl().isEmpty()) {
      return null;
    }
    try {
      long number = Crl.parse("revocation list", answer.getCrl().toByteArray()).number();
      return number == answer.getNumber()
          ? null
          : "CRL " + number + " came as CRL " + answer.getNumber();
    } catch (PkiException e) {
      return e.getMessage();
    }
  }
}
