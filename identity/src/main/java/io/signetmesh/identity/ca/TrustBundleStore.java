package io.signetmesh.identity.ca;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.identity.pki.TrustBundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The trust bundle in force, kept in the state directory ({@code trust-bundle.json}) so that its
 * version grows over restarts. Reading is lock-free; listeners hear of each change in order.
 */
public final class TrustBundleStore implements Supplier<TrustBundle> {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final List<Consumer<TrustBundle>> listeners = new CopyOnWriteArrayList<>();
  private volatile TrustBundle current;

  private TrustBundleStore(Path file, TrustBundle current) {
    this.file = file;
    this.current = current;
  }

  /**
   * Loads the bundle of a state directory, or starts with version 1.
   *
   * @param initialAnchors anchors of version 1; not looked at when there is a bundle already
   * @throws PkiException when the file cannot be understood or is of another trust domain
   */
  public static TrustBundleStore open(
      Path stateDirectory, String trustDomain, List<X509Certificate> initialAnchors)
      throws IOException, PkiException {
    Path file = stateDirectory.resolve("trust-bundle.json");
    if (Files.exists(file)) {
      TrustBundle bundle = read(file);
      if (!bundle.trustDomain().equals(trustDomain)) {
        throw new PkiException(
            file + " is of trust domain " + bundle.trustDomain() + ": expected " + trustDomain);
      }
      return new TrustBundleStore(file, bundle);
    }
    StateFiles.createDirectory(stateDirectory);
    TrustBundle bundle = new TrustBundle(1, trustDomain, initialAnchors);
    write(file, bundle);
    return new TrustBundleStore(file, bundle);
  }

  @Override
  public TrustBundle get() {
    return current;
  }

  /**
   * Puts anchors in force under the next version; equal anchors change nothing.
   *
   * @return the bundle in force
   * @throws IOException when it cannot be kept; the earlier one stays in force
   */
  public synchronized TrustBundle setBundle(List<X509Certificate> anchors) throws IOException {
    TrustBundle old = current;
    if (old.anchors().equals(anchors)) {
      return old;
    }
    TrustBundle next = new TrustBundle(old.version() + 1, old.trustDomain(), anchors);
    write(file, next);
    current = next;
    for (Consumer<TrustBundle> listener : listeners) {
      listener.accept(next);
    }
    return next;
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

  private static TrustBundle read(Path file) throws IOException, PkiException {
    try {
      JsonNode json = JSON.readTree(file.toFile());
      return new TrustBundle(
          json.path("version").asLong(-1),
          json.path("trustDomain").asText(),
          Certificates.parsePem(file.toString(), json.path("anchors").asText()));
    } catch (JacksonException | IllegalArgumentException e) {
      throw new PkiException(file + ": not a trust bundle: " + e.getMessage(), e);
    }
  }

  private static void write(Path file, TrustBundle bundle) throws IOException {
    ObjectNode json = JSON.createObjectNode();
    json.put("version", bundle.version());
    json.put("trustDomain", bundle.trustDomain());
    json.put("anchors", Certificates.toPem(bundle.anchors()));
    StateFiles.writePublic(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json));
  }
}
