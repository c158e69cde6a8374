package io.signetmesh.policy.keys;

import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;

import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.token.KeyLocation;
import io.signetmesh.policy.token.KeySource;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Key sets whose time, servers and memory are those of a test. */
final class KeyFetches implements InstantSource, KeyFetcher, KeySetMemory, KeySets.Sink {
  final Map<KeyLocation, String> served = new HashMap<>();
  final Map<KeyLocation, Integer> fetches = new HashMap<>();
  final List<Instant> times = new ArrayList<>();
  final Map<KeyLocation, Kept> kept = new HashMap<>();
  final Set<KeyLocation> retained = new HashSet<>();
  final Map<ObjectRef, JwtModel.FetchedKeys> published = new HashMap<>();
  final Deque<Runnable> waiting = new ArrayDeque<>();
  boolean slow;
  int publications;
  Instant now = START;
  KeySets sets = start();

  /** Another run of the controller, which remembers what the former one has kept. */
  KeySets start() {
    return new KeySets(
        this,
        this,
        task -> {
          if (slow) {
            waiting.add(task);
          } else {
            task.run();
          }
        },
        this,
        new Random(7));
  }

  static KeyLocation at(String name) {
    return KeyLocation.keySet("https://id.example/" + name, "");
  }

  static ObjectRef ref(String name) {
    return new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, NS, name);
  }

  void need(String name, String location) {
    need(name, location, Duration.ofMinutes(5), Duration.ofHours(24));
  }

  void need(String name, String location, Duration refresh, Duration maxAge) {
    sets.follow(
        Map.of(ref(name), Optional.of(new KeySource.Fetched(at(location), refresh, maxAge))));
  }

  void unneed(String name) {
    sets.follow(Map.of(ref(name), Optional.empty()));
  }

  void serve(String location, String... keys) {
    served.put(at(location), TestKeys.set(keys));
  }

  /** Lets time pass, with a tick each so often, and a last one that publishes. */
  void pass(Duration time, Duration step) {
    Instant end = now.plus(time);
    while (now.isBefore(end)) {
      sets.tick(this);
      now = now.plus(step);
    }
    now = end;
    tick();
  }

  /** Starts what is due, and publishes what comes of it. */
  void tick() {
    sets.tick(this);
    sets.tick(this);
  }

  JwtModel.@Nullable FetchedKeys of(String name) {
    return published.get(JwtModel.keySetOf(ref(name)));
  }

  KeySetStatus status(String name) {
    return sets.statuses().stream()
        .filter(status -> status.authentication().equals(ref(name)))
        .findFirst()
        .orElseThrow();
  }

  int fetchesOf(String location) {
    return fetches.getOrDefault(at(location), 0);
  }

  @Override
  public Instant instant() {
    return now;
  }

  @Override
  public String fetch(KeyLocation location) throws KeyFetchException {
    fetches.merge(location, 1, Integer::sum);
    times.add(now);
    String text = served.get(location);
    if (text == null) {
      throw new KeyFetchException(KeyFetchException.Kind.CONNECTION, location + " is away");
    }
    return text;
  }

  @Override
  public Optional<Kept> load(KeyLocation location) {
    return Optional.ofNullable(kept.get(location));
  }

  @Override
  public void save(KeyLocation location, Kept one) {
    kept.put(location, one);
  }

  @Override
  public void retain(Collection<KeyLocation> locations) {
    retained.clear();
    retained.addAll(locations);
    kept.keySet().retainAll(locations);
  }

  @Override
  public void publish(List<JwtModel.FetchedKeys> changed, List<ObjectRef> removed) {
    publications++;
    removed.forEach(published::remove);
    changed.forEach(keys -> published.put(keys.ref(), keys));
  }
}
