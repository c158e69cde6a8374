package io.signetmesh.rego;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.signetmesh.rego.RegoAnswer.Outcome;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a rule came to: {@code [{"result": true}]}, or an object with {@code allow} and {@code
 * reason} in place of {@code true}. The array is empty when the rule is undefined.
 */
final class AnswerReader {
  /** Characters of a reason. */
  static final int MOST_REASON = 256;

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private static final String EXPECTED =
      "expected true, false or {\"allow\": true or false, \"reason\": text}";

  private AnswerReader() {}

  static RegoAnswer read(byte[] results) {
    try (JsonParser in = JSON.createParser(results)) {
      if (in.nextToken() != JsonToken.START_ARRAY) {
        return none("the policy came to no set of results");
      }
      if (in.nextToken() == JsonToken.END_ARRAY) {
        return none("the rule is undefined");
      }
      if (in.currentToken() != JsonToken.START_OBJECT || !"result".equals(in.nextFieldName())) {
        return none("the policy came to no set of results");
      }
      RegoAnswer answer = result(in);
      if (answer.outcome() == Outcome.NO_ANSWER) {
        return answer;
      }
      return in.nextToken() == JsonToken.END_OBJECT
              && in.nextToken() == JsonToken.END_ARRAY
              && in.nextToken() == null
          ? answer
          : none("the policy came to several results");
    } catch (IOException e) {
      return none("the policy came to what is no JSON");
    }
  }

  private static RegoAnswer result(JsonParser in) throws IOException {
    return switch (in.nextToken()) {
      case VALUE_TRUE -> new RegoAnswer(Outcome.ALLOW, null);
      case VALUE_FALSE -> new RegoAnswer(Outcome.DENY, null);
      case START_OBJECT -> object(in);
      default -> none("the rule is " + kind(in.currentToken()) + ", " + EXPECTED);
    };
  }

  private static RegoAnswer object(JsonParser in) throws IOException {
    JsonToken allow = null;
    String reason = null;
    for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
      JsonToken value = in.nextToken();
      switch (name) {
        case "allow" -> {
          if (!value.isBoolean()) {
            return none("its \"allow\" is " + kind(value) + ", " + EXPECTED);
          }
          allow = value;
        }
        case "reason" -> {
          if (value != JsonToken.VALUE_STRING) {
            return none("its \"reason\" is " + kind(value) + ", " + EXPECTED);
          }
          reason = PrintableText.of(in.getText(), MOST_REASON);
        }
        default -> {
          return none("it has \"%s\", %s".formatted(PrintableText.of(name, 60), EXPECTED));
        }
      }
    }
    if (allow == null) {
      return none("it has no \"allow\", " + EXPECTED);
    }
    Outcome outcome = allow == JsonToken.VALUE_TRUE ? Outcome.ALLOW : Outcome.DENY;
    return new RegoAnswer(outcome, reason == null || reason.isEmpty() ? null : reason);
  }

  private static String kind(@Nullable JsonToken token) {
    return switch (token) {
      case VALUE_STRING -> "a text";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case START_ARRAY -> "an array or a set";
      case START_OBJECT -> "an object";
      case VALUE_NULL -> "null";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case null, default -> "nothing";
    };
  }

  private static RegoAnswer none(String reason) {
    return new RegoAnswer(Outcome.NO_ANSWER, reason);
  }
}
