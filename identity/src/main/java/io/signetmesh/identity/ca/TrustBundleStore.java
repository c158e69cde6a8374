package io.signetmesh.identity.ca;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.JwtAuthority;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The trust bundle in force. It is kept in {@code trust-bundle.json} of the state directory, so
 * that its version grows across restarts. The file is the store's own: what another writes there is
 * never put in force, and {@link #restore} replaces it. Reading is lock-free; listeners get all
 * changes in order.
 */
public final class TrustBundleStore implements Supplier<TrustBundle> {
  /** Name of the file in the state directory. */
  public static final String FILE = "trust-bundle.json";

  private static final Logger log = LoggerFactory.getLogger(TrustBundleStore.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern FINGERPRINT = Pattern.compile("[0-9a-f]{64}");

  /** Rotations are rare, and connections end with their certificates. */
  private static final int MAX_RETIRED = 16;

  private final Path file;
  private final List<Consumer<TrustBundle>> listeners = new CopyOnWriteArrayList<>();
  private volatile TrustBundle current;
  private volatile List<String> retired;

  /** What the file holds, unless another changed it. */
  private byte[] stored;

  private TrustBundleStore(Path file, TrustBundle current, List<String> retired, byte[] stored) {
    this.file = file;
    this.current = current;
    this.retired = List.copyOf(retired);
    this.stored = stored;
  }

  /**
   * Loads the bundle of a state directory, or creates version 1.
   *
   * @param initialAnchors anchors of version 1; ignored when a bundle exists
   * @throws PkiException when the file is malformed or belongs to another trust domain
   */
  public static TrustBundleStore open(
      Path stateDirectory, String trustDomain, List<X509Certificate> initialAnchors)
      throws IOException, PkiException {
    Path file = stateDirectory.resolve(FILE);
    if (Files.exists(file)) {
      byte[] content = Files.readAllBytes(file);
      TrustBundle bundle = parse(file, content);
      if (!bundle.trustDomain().equals(trustDomain)) {
        throw new PkiException(
            file + " is of trust domain " + bundle.trustDomain() + ": expected " + trustDomain);
      }
      return new TrustBundleStore(file, bundle, parseRetired(file, content), content);
    }
    StateFiles.createDirectory(stateDirectory);
    TrustBundle bundle = new TrustBundle(1, trustDomain, initialAnchors);
    byte[] content = format(bundle, List.of());
    StateFiles.writePublic(file, content);
    return new TrustBundleStore(file, bundle, List.of(), content);
  }

  @Override
  public TrustBundle get() {
    return current;
  }

  /**
   * Puts anchors in force under the next version. Equal anchors change nothing.
   *
   * @return the bundle in force
   * @throws IOException when the bundle cannot be stored; the earlier one stays in force
   */
  public synchronized TrustBundle setBundle(List<X509Certificate> anchors) throws IOException {
    TrustBundle old = current;
    if (old.anchors().equals(anchors)) {
      return old;
    }
    return put(
        new TrustBundle(old.version() + 1, old.trustDomain(), anchors, old.jwtAuthorities()));
  }

  /**
   * Puts JWT authorities in force under the next version. Equal ones change nothing.
   *
   * @return the bundle in force
   * @throws IOException when the bundle cannot be stored; the earlier one stays in force
   */
  public synchronized TrustBundle setJwtAuthorities(List<JwtAuthority> authorities)
      throws IOException {
    TrustBundle old = current;
    if (old.jwtAuthorities().equals(authorities)) {
      return old;
    }
    return put(new TrustBundle(old.version() + 1, old.trustDomain(), old.anchors(), authorities));
  }

  /**
   * SHA-256 of the DER of the anchors that were retired in good order, lower-case hexadecimal, the
   * newest last; another object after each change.
   */
  public List<String> retired() {
    return retired;
  }

  /**
   * Retires anchors in good order: live connections under them may go on to the end of their
   * certificates when the anchors leave the bundle. At most {@value #MAX_RETIRED} are remembered.
   * Listeners are not called before the next bundle: one message tells workloads of both.
   *
   * @param fingerprints SHA-256 of the DER of each, lower-case hexadecimal
   * @throws IOException when that cannot be stored; nothing has changed
   */
  public synchronized void retire(Collection<String> fingerprints) throws IOException {
    List<String> next = new ArrayList<>(retired);
    next.removeAll(fingerprints);
    next.addAll(fingerprints);
    // Listeners hear of it with the bundle that the anchors leave: until then it changes nothing.
    setRetired(next.subList(Math.max(0, next.size() - MAX_RETIRED), next.size()), false);
  }

  /**
   * Forgets that anchors were retired: they are in force again, or nothing under them may go on.
   *
   * @throws IOException when that cannot be stored; nothing has changed
   */
  public synchronized void unretire(Collection<String> fingerprints) throws IOException {
    List<String> next = new ArrayList<>(retired);
    next.removeAll(fingerprints);
    setRetired(next, true);
  }

  private void setRetired(List<String> next, boolean tells) throws IOException {
    if (next.equals(retired)) {
      return;
    }
    List<String> old = retired;
    retired = List.copyOf(next);
    try {
      keep(current);
    } catch (IOException e) {
      retired = old;
      throw e;
    }
    if (tells) {
      listeners.forEach(listener -> listener.accept(current));
    }
  }

  private TrustBundle put(TrustBundle next) throws IOException {
    keep(next);
    listeners.forEach(listener -> listener.accept(next));
    return next;
  }

  private void keep(TrustBundle next) throws IOException {
    byte[] content = format(next, retired);
    StateFiles.writePublic(file, content);
    stored = content;
    current = next;
  }

  /** Calls the listener with the bundle in force and with each later one. */
  public synchronized Registration onChange(Consumer<TrustBundle> listener) {
    listener.accept(current);
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /** Ends the calls to a listener. */
  @FunctionalInterface
  public interface Registration {
    /** Ends the calls; a second time does nothing. */
    void remove();
  }

  /**
   * Writes the file again if it does not hold the bundle in force. An older copy would else be in
   * force after a restart, under a version that workloads refuse.
   *
   * @return whether the file was changed by another, or removed
   * @throws IOException when it cannot be written
   */
  public synchronized boolean restore() throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      if (Arrays.equals(in.readNBytes(stored.length + 1), stored)) {
        return false;
      }
    } catch (IOException e) {
      log.debug("{} cannot be read", file, e);
    }
    StateFiles.writePublic(file, stored);
    return true;
  }

  private static TrustBundle parse(Path file, byte[] content) throws IOException, PkiException {
    try {
      JsonNode json = JSON.readTree(content);
      List<JwtAuthority> authorities = new ArrayList<>();
      for (JsonNode authority : json.path("jwtAuthorities")) {
        authorities.add(
            JwtAuthority.parse(
                file + ": JWT authority " + (authorities.size() + 1),
                authority.path("kid").asText(),
                Base64.getDecoder().decode(authority.path("publicKey").asText())));
      }
      return new TrustBundle(
          json.path("version").asLong(-1),
          json.path("trustDomain").asText(),
          Certificates.parsePem(file.toString(), json.path("anchors").asText()),
          authorities);
    } catch (JacksonException | IllegalArgumentException e) {
      throw new PkiException(file + ": not a trust bundle: " + e.getMessage(), e);
    }
  }

  private static List<String> parseRetired(Path file, byte[] content)
      throws IOException, PkiException {
    List<String> retired = new ArrayList<>();
    for (JsonNode fingerprint : JSON.readTree(content).path("retired")) {
      if (!FINGERPRINT.matcher(fingerprint.asText()).matches()) {
        throw new PkiException(
            file
                + ": retired anchor "
                + fingerprint
                + ": expected 64 lower-case hexadecimal digits");
      }
      retired.add(fingerprint.asText());
    }
    return retired;
  }

  private static byte[] format(TrustBundle bundle, List<String> retired) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("version", bundle.version());
    json.put("trustDomain", bundle.trustDomain());
    json.put("anchors", Certificates.toPem(bundle.anchors()));
    ArrayNode authorities = json.putArray("jwtAuthorities");
    for (JwtAuthority authority : bundle.jwtAuthorities()) {
      authorities
          .addObject()
          .put("kid", authority.keyId())
          .put("publicKey", Base64.getEncoder().encodeToString(authority.key().getEncoded()));
    }
    if (!retired.isEmpty()) {
      retired.forEach(json.putArray("retired")::add);
    }
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
  }
}
