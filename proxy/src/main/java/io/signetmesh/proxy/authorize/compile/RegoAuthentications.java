package io.signetmesh.proxy.authorize.compile;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.google.protobuf.ByteString;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.proxy.authorize.PolicyBundles;
import io.signetmesh.rego.InvalidRegoException;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.v1.RegoBundle;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiles the authentications by policy bundle of messages. One that stays the same in the next
 * message stays the same object, so that its bundle is neither compiled nor asked again. When only
 * its bundle may be used for longer, it stays the same, too. One that was refused is not compiled
 * again for a while.
 */
final class RegoAuthentications {
  private static final Logger log = LoggerFactory.getLogger(RegoAuthentications.class);

  /** A bundle may be refused for lack of room, so not for good. */
  private static final Duration REFUSED_FOR = Duration.ofMinutes(1);

  /** Of one message and its dry run; the controller sends fewer. */
  private static final int MOST_BUNDLES = 64;

  private static final String NOT_READY = "the bundle is not compiled yet";

  private final Cache<io.signetmesh.v1.RegoAuthentication, RegoAuthentication> known =
      Caffeine.newBuilder().weakValues().executor(Runnable::run).build();

  /** Those that were refused, and whether that may pass. */
  private final Cache<Refused, Boolean> refused =
      Caffeine.newBuilder()
          .maximumSize(1024)
          .expireAfterWrite(REFUSED_FOR)
          .executor(Runnable::run)
          .build();

  /** Names that were reported; a policy is compiled again with each of its changes. */
  private final Cache<io.signetmesh.v1.RegoAuthentication, Boolean> reported =
      Caffeine.newBuilder().maximumSize(64).executor(Runnable::run).build();

  /**
   * One that was refused.
   *
   * @param message without the bundle: what is remembered must stay small
   * @param digest SHA-256 of the bundle
   */
  private record Refused(io.signetmesh.v1.RegoAuthentication message, ByteString digest) {
    static Refused of(io.signetmesh.v1.RegoAuthentication message) {
      try {
        byte[] digest =
            MessageDigest.getInstance("SHA-256")
                .digest(message.getBundle().getContent().toByteArray());
        return new Refused(withoutContent(message), ByteString.copyFrom(digest));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java has SHA-256", e);
      }
    }
  }

  /** Holds what is ready, so that it stays so until the message is compiled. */
  private final class OfMessage implements PolicyBundles {
    private final Map<io.signetmesh.v1.RegoAuthentication, Optional<RegoAuthentication>> ready =
        new ConcurrentHashMap<>();
    private final Queue<io.signetmesh.v1.RegoAuthentication> left = new ConcurrentLinkedQueue<>();
    private volatile boolean toBeTriedAgain;
    private int bundles;

    private void add(List<io.signetmesh.v1.RegoAuthentication> messages) {
      for (io.signetmesh.v1.RegoAuthentication message : messages) {
        io.signetmesh.v1.RegoAuthentication identity = RegoAuthentication.identity(message);
        if (message.getBundle().getContent().isEmpty()) {
          continue;
        }
        if (++bundles > MOST_BUNDLES) {
          report(
              message,
              new InvalidRegoException(
                  "the policy of the port has more than " + MOST_BUNDLES + " bundles"));
          ready.putIfAbsent(identity, Optional.empty());
          continue;
        }
        RegoAuthentication authentication = known.getIfPresent(identity);
        if (authentication != null) {
          ready.put(identity, Optional.of(authentication));
          continue;
        }
        Boolean passing = refused.getIfPresent(Refused.of(identity));
        if (passing == null) {
          left.add(message);
        } else {
          toBeTriedAgain |= passing;
          ready.put(identity, Optional.empty());
        }
      }
    }

    @Override
    public boolean areReady() {
      return left.isEmpty();
    }

    @Override
    public void compileNext() {
      io.signetmesh.v1.RegoAuthentication next = left.peek();
      if (next != null) {
        io.signetmesh.v1.RegoAuthentication identity = RegoAuthentication.identity(next);
        if (!ready.containsKey(identity)) {
          ready.put(identity, compiled(next));
        }
        left.remove();
      }
    }

    @Override
    public boolean areToBeTriedAgain() {
      return toBeTriedAgain;
    }

    private Optional<RegoAuthentication> compiled(io.signetmesh.v1.RegoAuthentication message) {
      boolean passing = false;
      try {
        return Optional.of(compile(message));
      } catch (InvalidRegoException e) {
        passing = e.passing();
        toBeTriedAgain |= passing;
        report(message, e);
      } catch (RuntimeException | Error e) {
        log.error("RegoAuthentication {} is passed by no request", message.getName(), e);
      }
      refused.put(Refused.of(RegoAuthentication.identity(message)), passing);
      return Optional.empty();
    }

    @Nullable RegoAuthentication find(io.signetmesh.v1.RegoAuthentication message)
        throws InvalidRegoException {
      if (message.getBundle().getContent().isEmpty()) {
        return compile(message);
      }
      Optional<RegoAuthentication> found = ready.get(RegoAuthentication.identity(message));
      if (found == null) {
        RegoBundle none = RegoBundle.newBuilder().setUnavailable(NOT_READY).build();
        return compile(message.toBuilder().setBundle(none).build());
      }
      found.ifPresent(one -> one.takeBundleEnd(message));
      return found.orElse(null);
    }
  }

  /** The bundles of a message and its dry run. */
  PolicyBundles bundles(Server message) {
    OfMessage bundles = new OfMessage();
    bundles.add(message.getSignetRegoAuthenticationsList());
    bundles.add(message.getSignetTrial().getSignetRegoAuthenticationsList());
    return bundles;
  }

  /**
   * By name, those that this proxy understands. One that it does not understand, and a name that
   * stands for two of them, is left out. One whose bundle is not ready has none.
   *
   * @param bundles of {@link #bundles} for the same message
   */
  Map<String, RegoAuthentication> compile(
      List<io.signetmesh.v1.RegoAuthentication> messages, PolicyBundles bundles) {
    Map<String, RegoAuthentication> compiled = new HashMap<>();
    Set<String> twice = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (io.signetmesh.v1.RegoAuthentication message : messages) {
      if (!names.add(message.getName())) {
        twice.add(message.getName());
      }
      try {
        RegoAuthentication found = ((OfMessage) bundles).find(message);
        if (found != null) {
          compiled.put(message.getName(), found);
        }
      } catch (InvalidRegoException e) {
        report(message, e);
      }
    }
    compiled.keySet().removeAll(twice);
    return compiled;
  }

  private void report(io.signetmesh.v1.RegoAuthentication message, InvalidRegoException why) {
    if (reported.asMap().putIfAbsent(withoutContent(message), true) == null) {
      log.error(
          "RegoAuthentication {} is passed by no request: {}", message.getName(), why.getMessage());
    }
  }

  private static io.signetmesh.v1.RegoAuthentication withoutContent(
      io.signetmesh.v1.RegoAuthentication message) {
    return message.toBuilder().clearBundle().build();
  }

  private RegoAuthentication compile(io.signetmesh.v1.RegoAuthentication message)
      throws InvalidRegoException {
    io.signetmesh.v1.RegoAuthentication identity = RegoAuthentication.identity(message);
    RegoAuthentication authentication = known.getIfPresent(identity);
    if (authentication == null) {
      authentication = RegoAuthentication.compile(message);
      known.put(identity, authentication);
    } else {
      authentication.takeBundleEnd(message);
    }
    return authentication;
  }
}
