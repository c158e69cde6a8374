package io.signetmesh.crds.route.grpc;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.signetmesh.crds.route.ExtensionRef;
import io.signetmesh.crds.route.HeaderModifier;
import io.signetmesh.crds.route.RequestMirror;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Union;
import org.jspecify.annotations.Nullable;

/**
 * A change to gRPC requests or responses.
 *
 * @param type type of the filter; the field of the same name is set
 * @param requestHeaderModifier changes to request headers
 * @param responseHeaderModifier changes to response headers
 * @param requestMirror where copies of requests go
 * @param extensionRef object that configures another filter
 */
@Union("type")
public record GrpcRouteFilter(
    @Required Type type,
    @Nullable HeaderModifier requestHeaderModifier,
    @Nullable HeaderModifier responseHeaderModifier,
    @Nullable RequestMirror requestMirror,
    @Nullable ExtensionRef extensionRef) {
  /** Types of filters. */
  public enum Type {
    /** Changes to request headers. */
    @JsonProperty("RequestHeaderModifier")
    REQUEST_HEADER_MODIFIER,
    /** Changes to response headers. */
    @JsonProperty("ResponseHeaderModifier")
    RESPONSE_HEADER_MODIFIER,
    /** Copies of requests. */
    @JsonProperty("RequestMirror")
    REQUEST_MIRROR,
    /** Filter that another object configures. */
    @JsonProperty("ExtensionRef")
    EXTENSION_REF
  }
}
