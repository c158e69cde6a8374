package io.signetmesh.identity.spiffe;

import io.signetmesh.identity.channel.LocalPeer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a calling process. The executable is looked at when a selector asks for it, and
 * read only when nothing else speaks against the process. Belongs to one thread.
 */
final class CallerEvidence {
  private final LocalPeer peer;
  private final Executables executables;
  private @Nullable Optional<String> path;
  private @Nullable Optional<String> sha256;
  private boolean late;

  CallerEvidence(LocalPeer peer, Executables executables) {
    this.peer = peer;
    this.executables = executables;
  }

  /** Whether all selectors hold. What cannot be found out does not. */
  boolean matches(List<Selector> selectors) {
    return selectors.stream()
        .sorted((a, b) -> a.kind().compareTo(b.kind()))
        .allMatch(this::matches);
  }

  private boolean matches(Selector selector) {
    String value = selector.value();
    return switch (selector.kind()) {
      case UID -> value.equals(Integer.toUnsignedString(peer.uid()));
      case GID -> value.equals(Integer.toUnsignedString(peer.gid()));
      case PATH -> path().filter(value::equals).isPresent();
      case SHA256 -> sha256().filter(value::equals).isPresent();
    };
  }

  /** Path of the executable. */
  Optional<String> path() {
    if (path == null) {
      path = executables.path(peer.pid());
    }
    return path;
  }

  /** Whether the digest of the executable was wanted and is not there yet. */
  boolean isLate() {
    return late;
  }

  private Optional<String> sha256() {
    if (sha256 == null) {
      try {
        sha256 = executables.sha256(peer.uid(), peer.pid());
      } catch (TimeoutException e) {
        late = true;
        sha256 = Optional.empty();
      }
    }
    return sha256;
  }
}
