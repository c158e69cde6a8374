package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Only;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * How clients stay with one endpoint.
 *
 * @param sessionName name of the cookie or header
 * @param absoluteTimeout greatest life of a session
 * @param idleTimeout life of a session without requests
 * @param type cookie or header
 * @param cookieConfig the cookie
 */
public record SessionPersistence(
    @Length(max = 128) @Nullable String sessionName,
    @Text(TextFormat.GATEWAY_DURATION) @Nullable String absoluteTimeout,
    @Text(TextFormat.GATEWAY_DURATION) @Nullable String idleTimeout,
    @Only({"Cookie", "Header"}) @Default("Cookie") String type,
    @Nullable CookieConfig cookieConfig) {
  /**
   * The cookie.
   *
   * @param lifetimeType {@code Session} or {@code Permanent}
   */
  public record CookieConfig(
      @Only({"Session", "Permanent"}) @Default("Session") String lifetimeType) {}
}
