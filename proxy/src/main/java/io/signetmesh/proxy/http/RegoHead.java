package io.signetmesh.proxy.http;

import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.rego.RegoRequest;
import io.signetmesh.proxy.rego.SecretFields;
import io.signetmesh.rego.RegoInput;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Copies the head of a request for policy bundles. */
final class RegoHead {
  /** Bytes of a field without its texts, about. */
  private static final int FIELD_BYTES = 96;

  private RegoHead() {}

  /**
   * What bundles get to know of a request.
   *
   * @param head the head as the client sent it
   * @param by the policy that asks
   * @param target its path and query as the client sent them; null for none
   * @param claims the claims of its tokens
   * @param more bytes that the claims hold
   */
  static RegoRequest of(
      InboundConnection inbound,
      ServerPolicy by,
      Http2Headers head,
      @Nullable CharSequence target,
      RegoRequest.Claims claims,
      long epochMillis,
      int more) {
    int bytes = FIELD_BYTES + more;
    List<RegoInput.Field> fields = new ArrayList<>(head.size());
    for (Map.Entry<CharSequence, CharSequence> field : head) {
      CharSequence name = field.getKey();
      bytes += FIELD_BYTES + name.length() + field.getValue().length();
      if (name.isEmpty() || name.charAt(0) != ':') {
        fields.add(
            new RegoInput.Field(
                AsciiString.of(name).toLowerCase().toString(), field.getValue().toString()));
      }
    }
    return new RegoRequest(
        inbound.audited().client().getPort(),
        inbound.target().getPort(),
        SecretFields.without(
            head(
                text(head.method()),
                head.scheme() == null ? "http" : text(head.scheme()),
                text(head.authority()),
                text(target),
                fields),
            by.tokenLocations()),
        claims,
        epochMillis,
        bytes);
  }

  private static RegoInput.Head head(
      String method, String scheme, String authority, String target, List<RegoInput.Field> fields) {
    int query = target.indexOf('?');
    return new RegoInput.Head(
        method,
        scheme,
        authority,
        query < 0 ? target : target.substring(0, query),
        query < 0 ? "" : target.substring(query + 1),
        fields);
  }

  private static String text(@Nullable CharSequence text) {
    return text == null ? "" : text.toString();
  }
}
