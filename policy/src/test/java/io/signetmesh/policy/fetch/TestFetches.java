package io.signetmesh.policy.fetch;

import static io.signetmesh.policy.TestPolicies.NS;
import static io.signetmesh.policy.TestPolicies.START;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
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
final class TestFetches implements InstantSource, DocumentFetcher, DocumentMemory, Documents.Sink {
  final Map<DocumentLocation, String> served = new HashMap<>();
  final Map<DocumentLocation, ByteString> bundles = new HashMap<>();
  final Map<DocumentLocation, Integer> fetches = new HashMap<>();
  final List<Instant> times = new ArrayList<>();
  final Map<DocumentLocation, Kept> kept = new HashMap<>();
  final Set<DocumentLocation> retained = new HashSet<>();
  final Map<ObjectRef, PolicyObject> published = new HashMap<>();
  final Deque<Runnable> waiting = new ArrayDeque<>();
  boolean slow;
  int loads;
  int publications;
  Instant now = START;
  Documents sets = start();

  /** Another run of the controller, which remembers what the former one has kept. */
  Documents start() {
    return new Documents(
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

  static DocumentLocation at(String name) {
    return DocumentLocation.keySet("https://id.example/" + name, "");
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

  /** As {@link #need}, of a namespace. */
  void needIn(String namespace, String name, String location) {
    sets.follow(
        Map.of(
            new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, namespace, name),
            Optional.of(
                new KeySource.Fetched(at(location), Duration.ofMinutes(5), Duration.ofHours(24)))));
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
    return (JwtModel.FetchedKeys) published.get(JwtModel.keySetOf(ref(name)));
  }

  DocumentStatus status(String name) {
    return sets.statuses(ObjectRef.Kind.JWT_AUTHENTICATION).stream()
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
  public ByteString fetch(DocumentLocation location) throws FetchException {
    fetches.merge(location, 1, Integer::sum);
    times.add(now);
    ByteString bundle = bundles.get(location);
    if (bundle != null) {
      return bundle;
    }
    String text = served.get(location);
    if (text == null) {
      throw new FetchException(FetchException.Kind.CONNECTION, location + " is away");
    }
    return ByteString.copyFromUtf8(text);
  }

  @Override
  public Optional<Kept> load(DocumentLocation location) {
    loads++;
    return Optional.ofNullable(kept.get(location));
  }

  @Override
  public void save(DocumentLocation location, Kept one) {
    kept.put(location, one);
  }

  @Override
  public void retain(Collection<DocumentLocation> locations) {
    retained.clear();
    retained.addAll(locations);
    kept.keySet().retainAll(locations);
  }

  @Override
  public void publish(List<PolicyObject> changed, List<ObjectRef> removed) {
    publications++;
    removed.forEach(published::remove);
    changed.forEach(object -> published.put(object.ref(), object));
  }
}
