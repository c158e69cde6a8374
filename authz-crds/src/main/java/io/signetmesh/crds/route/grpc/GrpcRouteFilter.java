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
 * @param type which one; the field of that name is given
 * @param requestHeaderModifier changes to request headers
 * @param responseHeaderModifier changes to response headers
 * @param requestMirror copies of requests
 * @param extensionRef change that another object describes
 */
@Union("type")
public record GrpcRouteFilter(
    @Required Type type,
    @Nullable HeaderModifier requestHeaderModifier,
    @Nullable HeaderModifier responseHeaderModifier,
    @Nullable RequestMirror requestMirror,
    @Nullable ExtensionRef extensionRef) {
  /** Kinds of change. */
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
    /** Change that another object describes. */
    @JsonProperty("ExtensionRef")
    EXTENSION_REF
  }
}
