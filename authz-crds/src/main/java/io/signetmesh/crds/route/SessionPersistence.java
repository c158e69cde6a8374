package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Only;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * How requests of a session stay with one endpoint. Timeouts are durations of GEP-2257.
 *
 * @param sessionName name of the cookie or header
 * @param absoluteTimeout longest life of a session
 * @param idleTimeout time without requests after which a session ends
 * @param type {@code Cookie} or {@code Header}
 * @param cookieConfig settings of the cookie
 */
public record SessionPersistence(
    @Length(max = 128) @Nullable String sessionName,
    @Text(TextFormat.GATEWAY_DURATION) @Nullable String absoluteTimeout,
    @Text(TextFormat.GATEWAY_DURATION) @Nullable String idleTimeout,
    @Only({"Cookie", "Header"}) @Default("Cookie") String type,
    @Nullable CookieConfig cookieConfig) {
  /**
   * Settings of the cookie.
   *
   * @param lifetimeType {@code Session} or {@code Permanent}
   */
  public record CookieConfig(
      @Only({"Session", "Permanent"}) @Default("Session") String lifetimeType) {}
}
