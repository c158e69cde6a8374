package io.signetmesh.crds.route;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Only;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.ServedIn;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.schema.Union;
import org.jspecify.annotations.Nullable;

/**
 * A change to requests or responses.
 *
 * @param type type of the filter; the field of the same name is set
 * @param requestHeaderModifier changes to request headers
 * @param responseHeaderModifier changes to response headers
 * @param requestRedirect redirect that the proxy answers with
 * @param requestMirror where copies of requests go
 * @param urlRewrite change to host and path
 * @param extensionRef object that configures another filter
 * @param cors answers to cross-origin requests; kept as read, not validated
 * @param externalAuth call to an external authorization server; kept as read, not validated
 */
@Union("type")
public record HttpRouteFilter(
    @Required
        @Only(
            value = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"},
            in = "policy.linkerd.io/*")
        Type type,
    @Nullable HeaderModifier requestHeaderModifier,
    @Nullable HeaderModifier responseHeaderModifier,
    @Nullable Redirect requestRedirect,
    @ServedIn("gateway.networking.k8s.io/*") @Nullable RequestMirror requestMirror,
    @ServedIn("gateway.networking.k8s.io/*") @Nullable UrlRewrite urlRewrite,
    @ServedIn("gateway.networking.k8s.io/*") @Nullable ExtensionRef extensionRef,
    @ServedIn("gateway.networking.k8s.io/*") @Nullable Object cors,
    @ServedIn("gateway.networking.k8s.io/*") @Nullable Object externalAuth) {
  /** Types of filters. */
  public enum Type {
    /** Changes to request headers. */
    @JsonProperty("RequestHeaderModifier")
    REQUEST_HEADER_MODIFIER,
    /** Changes to response headers. */
    @JsonProperty("ResponseHeaderModifier")
    RESPONSE_HEADER_MODIFIER,
    /** Answer with a redirect. */
    @JsonProperty("RequestRedirect")
    REQUEST_REDIRECT,
    /** Copies of requests. */
    @JsonProperty("RequestMirror")
    REQUEST_MIRROR,
    /** Change to host and path. */
    @JsonProperty("URLRewrite")
    URL_REWRITE,
    /** Filter that another object configures. */
    @JsonProperty("ExtensionRef")
    EXTENSION_REF,
    /** Answers to cross-origin requests of browsers. */
    @JsonProperty("CORS")
    CORS,
    /** Call to an external authorization server. */
    @JsonProperty("ExternalAuth")
    EXTERNAL_AUTH
  }

  /**
   * A redirect. Parts that are null stay as in the request.
   *
   * @param scheme {@code http} or {@code https}
   * @param hostname host
   * @param path change to the path
   * @param port port
   * @param statusCode status, 301 or 302
   */
  public record Redirect(
      @Only({"http", "https"}) @Nullable String scheme,
      @Text(TextFormat.PRECISE_HOST) @Nullable String hostname,
      @Nullable PathModifier path,
      @Range(min = 1, max = 65535) @Nullable Integer port,
      @Range(min = 301, max = 302) @Default("302") Integer statusCode) {
    /** A status that is null becomes 302. */
    public Redirect {
      statusCode = statusCode == null ? 302 : statusCode;
    }
  }

  /**
   * Change to host and path. Parts that are null stay as in the request.
   *
   * @param hostname host
   * @param path change to the path
   */
  public record UrlRewrite(
      @Text(TextFormat.PRECISE_HOST) @Nullable String hostname, @Nullable PathModifier path) {}
}
