package io.signetmesh.identity.federation;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Configuration of a foreign trust domain: where its bundle is fetched, and how the server is
 * authenticated (SPIFFE Federation section 5.1).
 *
 * @param trustDomain name of the domain, a lower-case DNS name
 * @param url URL of its bundle endpoint, https without user information
 * @param profile how the endpoint is authenticated
 * @param minRefresh shortest time between two fetches, 1 s or more
 * @param maxRefresh longest time between two fetches, at most a day
 */
public record ForeignDomain(
    String trustDomain, URI url, Profile profile, Duration minRefresh, Duration maxRefresh) {

  /** How a bundle endpoint is authenticated (SPIFFE Federation section 5.2). */
  public sealed interface Profile {
    /**
     * {@code https_web}: by its host name.
     *
     * @param authorities PEM file with the CAs that may vouch for it; null: those of the Java
     *     runtime
     */
    record Web(@Nullable Path authorities) implements Profile {}

    /**
     * {@code https_spiffe}: by its SPIFFE id, for which the domain's own bundle vouches.
     *
     * @param endpointId SPIFFE id of the server, of the same trust domain
     * @param initialBundle what the first fetch is authenticated with: a SPIFFE bundle as JSON, or
     *     anchors in PEM
     * @param initial content of that file
     * @param digest SHA-256 of that file, hexadecimal
     */
    record Spiffe(String endpointId, Path initialBundle, SpiffeBundle initial, String digest)
        implements Profile {}
  }

  /** Name of the profile in configuration. */
  public String profileName() {
    return switch (profile) {
      case Profile.Web web -> "https_web";
      case Profile.Spiffe spiffe -> "https_spiffe";
    };
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%s at %s (%s)", trustDomain, url, profileName());
  }
}
