package io.signetmesh.jwt;

import io.signetmesh.jwt.claim.ClaimPath;
import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes the fields that the application gets of a token. */
final class ForwardedFields {
  /** Longest value of a claim's field, in octets. */
  private static final int MAX_VALUE = 4096;

  private ForwardedFields() {}

  /** Claims that are absent or cannot be a field value make no field. */
  static List<ForwardedField> of(TokenRules rules, JsonValue.Members claims, String payload) {
    List<ForwardedField> fields = new ArrayList<>();
    for (int i = 0; i < rules.forwardedClaims().size(); i++) {
      ClaimPath path = rules.forwardedClaims().get(i);
      JsonValue claim = path.in(claims);
      String value = claim == null ? null : value(claim);
      if (value != null) {
        fields.add(new ForwardedField(rules.forwarding().claims().get(i).header(), value));
      }
    }
    if (rules.forwarding().payloadHeader() != null) {
      fields.add(new ForwardedField(rules.forwarding().payloadHeader(), payload));
    }
    return fields;
  }

  private static @Nullable String value(JsonValue claim) {
    String value = claim instanceof JsonValue.Text(String text) ? octets(text) : JsonText.of(claim);
    return value == null || value.length() > MAX_VALUE ? null : value;
  }

  /**
   * The UTF-8 of a text, a char for each octet; null when it is no field value (RFC 9110 section
   * 5.5): with control characters, white space at an end, or empty.
   */
  private static @Nullable String octets(String text) {
    if (text.isEmpty() || text.length() > MAX_VALUE || text.startsWith(" ") || text.endsWith(" ")) {
      return null;
    }
    for (int i = 0; i < text.length(); i++) {
      if (Character.isISOControl(text.charAt(i))) {
        return null;
      }
    }
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }
}
