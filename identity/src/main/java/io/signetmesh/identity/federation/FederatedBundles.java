package io.signetmesh.identity.federation;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The bundles of foreign trust domains in force. They are kept in the state directory ({@code
 * federation/<trust domain>.json}), so that the last good bundles survive a restart and no sequence
 * number goes backwards. Bundles of different domains are never merged. Reading is lock-free;
 * listeners are called after each change.
 */
public final class FederatedBundles implements Supplier<List<TrustBundle>> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Certificates and keys of all domains together, bytes: each proxy gets all of them. */
  private static final int MAX_TOTAL = 4 << 20;

  private static final long MAX_FILE = 2L * SpiffeBundle.MAX_BYTES;

  private final Path directory;
  private final InstantSource clock;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile Map<String, ForeignBundle> current;
  private volatile List<TrustBundle> trusted;
  private volatile Set<String> federated;

  private FederatedBundles(
      Path directory,
      Collection<String> trustDomains,
      InstantSource clock,
      Map<String, ForeignBundle> current) {
    this.directory = directory;
    this.clock = clock;
    this.current = Map.copyOf(current);
    this.trusted = trusted(current.values());
    this.federated = Set.copyOf(trustDomains);
  }

  /**
   * Loads the bundles of the configured domains. Files of other domains are ignored until {@link
   * #retain}.
   *
   * @throws PkiException when a file is malformed; the message says what to do
   */
  public static FederatedBundles open(
      Path stateDirectory, Collection<String> trustDomains, InstantSource clock)
      throws IOException, PkiException {
    Path directory = stateDirectory.resolve("federation");
    StateFiles.createDirectory(directory);
    Map<String, ForeignBundle> loaded = new TreeMap<>();
    for (String domain : trustDomains) {
      Path file = file(directory, domain);
      if (Files.exists(file)) {
        loaded.put(domain, read(file, domain));
      }
    }
    return new FederatedBundles(directory, trustDomains, clock, loaded);
  }

  /**
   * The bundles in force, which peers are verified against: one for each domain, sorted by name.
   */
  @Override
  public List<TrustBundle> get() {
    return trusted;
  }

  /** Names of the configured domains, with or without a bundle in force. */
  public Set<String> domains() {
    return federated;
  }

  /** The bundle of a domain; empty before the first one. */
  public Optional<ForeignBundle> find(String trustDomain) {
    return Optional.ofNullable(current.get(trustDomain));
  }

  /** Effect of an accepted bundle. */
  public enum Outcome {
    /** It is in force, and trusts something else than the one before. */
    CHANGED,
    /** It trusts the same. */
    UNCHANGED
  }

  /**
   * Puts a fetched bundle in force.
   *
   * @throws PkiException when the domain is not federated, when the bundle is older than the one in
   *     force or differs from it under the same sequence number, or when all bundles together would
   *     be too large; the earlier one stays in force
   * @throws IOException when the bundle cannot be stored; the earlier one stays in force
   */
  public synchronized Outcome offer(String trustDomain, SpiffeBundle offered)
      throws IOException, PkiException {
    if (!federated.contains(trustDomain)) {
      throw new PkiException("trust domain " + trustDomain + " is not federated any more");
    }
    ForeignBundle old = current.get(trustDomain);
    if (old == null) {
      return put(new ForeignBundle(trustDomain, nextVersion(null), offered, ""), true);
    }
    Long known = old.document().sequence();
    Long sequence = offered.sequence();
    boolean same = old.document().sameKeys(offered);
    if (known != null) {
      if (sequence == null) {
        throw new PkiException(
            "bundle of " + trustDomain + " has no sequence: expected " + known + " or more");
      }
      if (sequence < known) {
        throw new PkiException(
            "bundle of "
                + trustDomain
                + " has sequence "
                + sequence
                + ": expected "
                + known
                + " or more");
      }
      if (sequence.equals(known) && !same) {
        throw new PkiException(
            "bundle of "
                + trustDomain
                + " differs from the one of the same sequence "
                + sequence
                + ": expected a greater sequence");
      }
    }
    if (old.document().equals(offered)) {
      return Outcome.UNCHANGED;
    }
    return put(
        new ForeignBundle(
            trustDomain, same ? old.version() : nextVersion(old), offered, old.bootstrap()),
        !same);
  }

  /**
   * Puts a configured initial bundle in force, unless the same file has been applied before. A
   * newly configured bundle replaces a fetched one, whatever its sequence number.
   *
   * @param digest SHA-256 of the configured file, hexadecimal
   * @throws PkiException when all bundles together would be too large; the earlier one stays in
   *     force
   * @throws IOException when the bundle cannot be stored; the earlier one stays in force
   */
  public synchronized Outcome begin(String trustDomain, SpiffeBundle initial, String digest)
      throws IOException, PkiException {
    ForeignBundle old = current.get(trustDomain);
    if (old != null && old.bootstrap().equals(digest)) {
      return Outcome.UNCHANGED;
    }
    if (old != null && old.document().sameKeys(initial)) {
      return put(new ForeignBundle(trustDomain, old.version(), initial, digest), false);
    }
    return put(new ForeignBundle(trustDomain, nextVersion(old), initial, digest), true);
  }

  /**
   * Sets the federated domains. All other domains are no longer trusted, and their files are
   * deleted.
   *
   * @throws IOException when a file cannot be deleted; the other domains are not trusted even then
   */
  public synchronized void retain(Collection<String> trustDomains) throws IOException {
    Set<String> names = Set.copyOf(trustDomains);
    Map<String, ForeignBundle> next = new TreeMap<>(current);
    next.keySet().retainAll(trustDomains);
    boolean changed = next.size() != current.size() || !names.equals(federated);
    federated = names;
    // Distrust comes first: a file that cannot be deleted must not keep a domain in force.
    if (changed) {
      publish(next, true);
    }
    try (var files = Files.newDirectoryStream(directory, "*.json")) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (!trustDomains.contains(name.substring(0, name.length() - ".json".length()))) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /**
   * Calls the listener after each later change.
   *
   * @return ends the calls
   */
  public Runnable onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  private Outcome put(ForeignBundle bundle, boolean changed) throws IOException, PkiException {
    Map<String, ForeignBundle> next = new TreeMap<>(current);
    next.put(bundle.trustDomain(), bundle);
    long total = next.values().stream().mapToLong(FederatedBundles::size).sum();
    if (total > MAX_TOTAL) {
      throw new PkiException(
          "bundle of "
              + bundle.trustDomain()
              + " makes all federated bundles "
              + total
              + " bytes: expected at most "
              + MAX_TOTAL);
    }
    write(file(directory, bundle.trustDomain()), bundle);
    publish(next, changed);
    return changed ? Outcome.CHANGED : Outcome.UNCHANGED;
  }

  private void publish(Map<String, ForeignBundle> next, boolean changed) {
    current = Map.copyOf(next);
    if (changed) {
      trusted = trusted(next.values());
      listeners.forEach(Runnable::run);
    }
  }

  /**
   * Not less than the time, so that versions grow even over the loss of the state directory, and a
   * domain that is removed and comes back has a greater one.
   */
  private long nextVersion(@Nullable ForeignBundle old) {
    long now = Math.max(1, clock.instant().getEpochSecond());
    return old == null ? now : Math.max(old.version() + 1, now);
  }

  private static long size(ForeignBundle bundle) {
    long size = 0;
    for (var anchor : bundle.document().anchors()) {
      size += Certificates.der(anchor).length;
    }
    for (var authority : bundle.document().jwtAuthorities()) {
      size += authority.key().getEncoded().length + authority.keyId().length();
    }
    return size;
  }

  private static List<TrustBundle> trusted(Collection<ForeignBundle> bundles) {
    return bundles.stream().flatMap(bundle -> bundle.trust().stream()).toList();
  }

  private static Path file(Path directory, String trustDomain) {
    return directory.resolve(trustDomain + ".json");
  }

  private static ForeignBundle read(Path file, String trustDomain)
      throws IOException, PkiException {
    String hint = "; remove the file to begin again with what is configured";
    if (Files.size(file) > MAX_FILE) {
      throw new PkiException(file + ": more than " + MAX_FILE + " bytes" + hint);
    }
    try {
      JsonNode json = JSON.readTree(file.toFile());
      long version = json.path("version").asLong(-1);
      if (version < 1 || !json.path("trustDomain").asText().equals(trustDomain)) {
        throw new PkiException(
            file + ": expected a version of 1 or more and trust domain " + trustDomain + hint);
      }
      return new ForeignBundle(
          trustDomain,
          version,
          SpiffeBundle.parse(file.toString(), JSON.writeValueAsBytes(json.path("bundle"))),
          json.path("bootstrap").asText());
    } catch (JacksonException | PkiException e) {
      throw new PkiException(file + ": not a federated bundle: " + e.getMessage() + hint, e);
    }
  }

  private static void write(Path file, ForeignBundle bundle) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("trustDomain", bundle.trustDomain());
    json.put("version", bundle.version());
    json.put("bootstrap", bundle.bootstrap());
    json.set("bundle", JSON.readTree(bundle.document().toJson()));
    StateFiles.writePublic(
        file,
        new String(
            JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(json), StandardCharsets.UTF_8));
  }
}
