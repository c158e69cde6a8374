package io.signetmesh.policy.model;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.Scheme;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.route.HeaderModifier;
import io.signetmesh.crds.route.HttpRouteFilter;
import io.signetmesh.crds.route.PathModifier;
import io.signetmesh.crds.route.grpc.GrpcRouteFilter;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the filters of routes that are attached to Servers. */
final class RouteFilters {
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9!#$%&'*+\\-.^_`|~]+");

  private RouteFilters() {}

  /** Something of a filter that is not understood. */
  static final class NotUnderstoodException extends Exception {
    private static final long serialVersionUID = 1L;
    final String field;

    /** Whether Linkerd's admission takes it. */
    final boolean admitted;

    NotUnderstoodException(String field, String message) {
      this(field, message, false);
    }

    NotUnderstoodException(String field, String message, boolean admitted) {
      super(message);
      this.field = field;
      this.admitted = admitted;
    }
  }

  /** A filter of an HTTPRoute; null when it changes nothing about who may ask. */
  static HttpRoute.@Nullable Filter filter(String place, HttpRouteFilter filter)
      throws NotUnderstoodException {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          HttpRoute.Filter.newBuilder()
              .setRequestHeaderModifier(modifier(place, filter.requestHeaderModifier()))
              .build();
      case REQUEST_REDIRECT ->
          HttpRoute.Filter.newBuilder()
              .setRedirect(redirect(place + ".requestRedirect", filter.requestRedirect()))
              .build();
      // Changes only what goes back, and nothing about who may ask.
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR -> throw unsupported(place, "RequestMirror");
      case URL_REWRITE -> throw unsupported(place, "URLRewrite");
      case EXTENSION_REF -> throw unsupported(place, "ExtensionRef");
      case CORS -> throw unsupported(place, "CORS");
      case EXTERNAL_AUTH -> throw unsupported(place, "ExternalAuth");
    };
  }

  /** A filter of a GRPCRoute; null when it changes nothing about who may ask. */
  static GrpcRoute.@Nullable Filter filter(String place, GrpcRouteFilter filter)
      throws NotUnderstoodException {
    return switch (filter.type()) {
      case REQUEST_HEADER_MODIFIER ->
          GrpcRoute.Filter.newBuilder()
              .setRequestHeaderModifier(modifier(place, filter.requestHeaderModifier()))
              .build();
      case RESPONSE_HEADER_MODIFIER -> null;
      case REQUEST_MIRROR -> throw unsupported(place, "RequestMirror");
      case EXTENSION_REF -> throw unsupported(place, "ExtensionRef");
    };
  }

  private static NotUnderstoodException unsupported(String place, String filter) {
    return new NotUnderstoodException(
        place + ".type",
        place + ".type is " + filter + ", a filter that a route of a Server cannot have",
        true);
  }

  private static <T> T given(String field, @Nullable T value) throws NotUnderstoodException {
    if (value == null) {
      throw new NotUnderstoodException(field, field + " is missing");
    }
    return value;
  }

  private static RequestHeaderModifier modifier(String place, @Nullable HeaderModifier given)
      throws NotUnderstoodException {
    String field = place + ".requestHeaderModifier";
    HeaderModifier modifier = given(field, given);
    for (String name : modifier.remove()) {
      name(field + ".remove", name);
    }
    RequestHeaderModifier.Builder message =
        RequestHeaderModifier.newBuilder().addAllRemove(modifier.remove());
    if (!modifier.add().isEmpty()) {
      message.setAdd(headers(field + ".add", modifier.add()));
    }
    if (!modifier.set().isEmpty()) {
      message.setSet(headers(field + ".set", modifier.set()));
    }
    return message.build();
  }

  private static Headers headers(String field, List<HeaderModifier.Header> headers)
      throws NotUnderstoodException {
    Headers.Builder message = Headers.newBuilder();
    for (HeaderModifier.Header header : headers) {
      name(field, header.name());
      if (!header.value().chars().allMatch(c -> c == '\t' || (c >= ' ' && c <= '~'))) {
        throw new NotUnderstoodException(
            field, field + " gives " + header.name() + " a value that no header can have");
      }
      message.addHeaders(
          Headers.Header.newBuilder()
              .setName(header.name())
              .setValue(ByteString.copyFromUtf8(header.value())));
    }
    return message.build();
  }

  private static void name(String field, String name) throws NotUnderstoodException {
    if (!isToken(name)) {
      throw new NotUnderstoodException(
          field, field + " names \"" + name + "\", which no header has");
    }
    if (HeaderModifier.isReserved(name)) {
      throw new NotUnderstoodException(
          field, field + " names \"" + name + "\", which no route may change");
    }
  }

  private static RequestRedirect redirect(String place, HttpRouteFilter.@Nullable Redirect given)
      throws NotUnderstoodException {
    HttpRouteFilter.Redirect redirect = given(place, given);
    RequestRedirect.Builder message = RequestRedirect.newBuilder().setStatus(redirect.statusCode());
    if (redirect.scheme() != null) {
      message.setScheme(
          Scheme.newBuilder()
              .setRegistered(
                  redirect.scheme().equals("https")
                      ? Scheme.Registered.HTTPS
                      : Scheme.Registered.HTTP));
    }
    if (redirect.hostname() != null) {
      message.setHost(redirect.hostname());
    }
    if (redirect.port() != null) {
      message.setPort(redirect.port());
    }
    PathModifier path = redirect.path();
    if (path != null) {
      var replacement = io.linkerd.proxy.http_route.PathModifier.newBuilder();
      message.setPath(
          switch (path.type()) {
            case REPLACE_FULL_PATH ->
                replacement.setFull(
                    absolute(place + ".path.replaceFullPath", path.replaceFullPath()));
            case REPLACE_PREFIX_MATCH ->
                replacement.setPrefix(
                    absolute(place + ".path.replacePrefixMatch", path.replacePrefixMatch()));
          });
    }
    return message.build();
  }

  private static String absolute(String field, @Nullable String given)
      throws NotUnderstoodException {
    String path = given(field, given);
    if (!path.startsWith("/")) {
      throw new NotUnderstoodException(
          field, field + " is \"" + path + "\": expected a leading slash");
    }
    return path;
  }

  /** Whether the text is a token (RFC 9110, section 5.6.2), as names of headers are. */
  static boolean isToken(String text) {
    return TOKEN.matcher(text).matches();
  }
}
