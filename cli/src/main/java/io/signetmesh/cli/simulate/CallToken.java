package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.jwt.Thumbprint;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The token of a call. It is in no text for people. */
public sealed interface CallToken {
  /** Stands for the token in headers and in the path of a call. */
  String PLACE = "{token}";

  /** Stands for the SHA-256 of the client's certificate in claims. */
  String CERTIFICATE = "{certificate}";

  /**
   * A token as a client sends it.
   *
   * @param text the token, which is verified
   */
  record Text(String text) implements CallToken {
    /** Says nothing of the token. */
    @Override
    public String toString() {
      return "a token of " + text.length() + " characters";
    }
  }

  /**
   * Claims that are taken as signed by their issuer.
   *
   * @param header members of the header, which are checked; null to check none
   * @param claims the claims. A text such as {@code +5m} or {@code -30s} in {@code exp}, {@code
   *     nbf} or {@code iat} is relative to the time of the call.
   */
  record Claims(@Nullable ObjectNode header, ObjectNode claims) implements CallToken {
    private static final List<String> TIMES = List.of("exp", "nbf", "iat");
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    /**
     * The claims of a call, as JSON.
     *
     * @param time time of the call
     * @param certificate SHA-256 of the client's certificate; null when it shows none
     */
    public ObjectNode at(Instant time, @Nullable Thumbprint certificate) {
      ObjectNode resolved =
          (ObjectNode) replaced(claims, certificate == null ? "none" : certificate.toString());
      for (String name : TIMES) {
        JsonNode value = resolved.get(name);
        if (value != null && value.isTextual() && isRelative(value.textValue())) {
          Instant moment = time.plus(GoDuration.parse(value.textValue()));
          resolved.put(name, moment.getEpochSecond());
        }
      }
      return resolved;
    }

    private static boolean isRelative(String text) {
      if (!text.startsWith("+") && !text.startsWith("-")) {
        return false;
      }
      try {
        var unused = GoDuration.parse(text);
        return true;
      } catch (IllegalArgumentException e) {
        return false;
      }
    }

    private static JsonNode replaced(JsonNode node, String certificate) {
      return switch (node) {
        case ObjectNode object -> {
          ObjectNode copy = JSON.objectNode();
          for (Map.Entry<String, JsonNode> member : object.properties()) {
            copy.set(member.getKey(), replaced(member.getValue(), certificate));
          }
          yield copy;
        }
        case ArrayNode array -> {
          ArrayNode copy = JSON.arrayNode();
          array.forEach(element -> copy.add(replaced(element, certificate)));
          yield copy;
        }
        default -> CERTIFICATE.equals(node.textValue()) ? JSON.textNode(certificate) : node;
      };
    }

    /** What stands for a token with these claims: it has the form of one, and no signature. */
    String unsigned(Instant time, @Nullable Thumbprint certificate) {
      return part(header == null ? JSON.objectNode() : header)
          + "."
          + part(at(time, certificate))
          + ".";
    }

    private static String part(ObjectNode json) {
      return Base64.getUrlEncoder()
          .withoutPadding()
          .encodeToString(json.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Says nothing of the claims. */
    @Override
    public String toString() {
      return "claims taken as signed by their issuer";
    }
  }
}
