package io.signetmesh.rego;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Writes a {@link RegoInput} as JSON. */
final class RegoInputWriter {
  /** Bytes of the JSON. */
  static final int MOST = 64 << 10;

  /** Fields whose values let their bearer in. A policy could put them into its reason. */
  private static final Set<String> SECRET =
      Set.of("authorization", "proxy-authorization", "cookie", "set-cookie", "dpop");

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private RegoInputWriter() {}

  /** The JSON would be larger than {@link #MOST}. */
  static final class TooLargeException extends IOException {
    private static final long serialVersionUID = 1L;

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this;
    }
  }

  /**
   * The input as JSON in UTF-8. Halves of surrogate pairs become U+FFFD.
   *
   * @throws TooLargeException when it is larger than 64 KiB
   * @throws IOException when the claims of a token are no JSON object
   */
  static byte[] write(RegoInput input) throws IOException {
    Bounded out = new Bounded();
    try (JsonGenerator json = JSON.createGenerator(out)) {
      json.writeStartObject();
      client(json, input.client());
      json.writeObjectFieldStart("server");
      json.writeNumberField("port", input.server().port());
      json.writeObjectFieldStart("labels");
      for (Map.Entry<String, String> label : input.server().labels().entrySet()) {
        text(json, label.getKey(), label.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
      request(json, input.request());
      json.writeObjectFieldStart("tokens");
      for (Map.Entry<String, String> token : input.tokens().entrySet()) {
        json.writeFieldName(whole(token.getKey()));
        claims(json, token.getKey(), token.getValue());
      }
      json.writeEndObject();
      json.writeNumberField("time", input.epochMillis());
      json.writeEndObject();
    }
    return out.toByteArray();
  }

  /** A text as a JSON string in UTF-8. */
  static byte[] string(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(text.length() + 16);
    try (JsonGenerator json = JSON.createGenerator(out)) {
      json.writeString(whole(text));
    } catch (IOException e) {
      throw new IllegalStateException("memory cannot be written to", e);
    }
    return out.toByteArray();
  }

  private static void client(JsonGenerator json, RegoInput.Peer client) throws IOException {
    json.writeObjectFieldStart("client");
    if (!client.identities().isEmpty()) {
      text(json, "identity", client.identities().getFirst());
    }
    json.writeArrayFieldStart("identities");
    for (String identity : client.identities()) {
      json.writeString(whole(identity));
    }
    json.writeEndArray();
    text(json, "address", client.address());
    json.writeNumberField("port", client.port());
    json.writeBooleanField("tls", client.tls());
    if (client.certificate().isPresent()) {
      text(json, "certificate", client.certificate().get());
    }
    json.writeEndObject();
  }

  private static void request(JsonGenerator json, RegoInput.Head head) throws IOException {
    json.writeObjectFieldStart("request");
    text(json, "method", head.method());
    text(json, "scheme", head.scheme());
    text(json, "authority", head.authority());
    text(json, "path", head.path());
    text(json, "query", head.query());
    Map<String, List<String>> fields = new LinkedHashMap<>();
    for (RegoInput.Field field : head.fields()) {
      String name = field.name().toLowerCase(Locale.ROOT);
      if (!SECRET.contains(name)) {
        fields.computeIfAbsent(whole(name), n -> new ArrayList<>(1)).add(field.value());
      }
    }
    json.writeObjectFieldStart("headers");
    for (Map.Entry<String, List<String>> field : fields.entrySet()) {
      json.writeArrayFieldStart(field.getKey());
      for (String value : field.getValue()) {
        json.writeString(whole(value));
      }
      json.writeEndArray();
    }
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void text(JsonGenerator json, String name, String value) throws IOException {
    json.writeStringField(whole(name), whole(value));
  }

  /** Copies an object token by token: numbers stay the texts that they are. */
  private static void claims(JsonGenerator json, String name, String claims) throws IOException {
    try (JsonParser in = JSON.createParser(claims)) {
      if (in.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("the claims of " + name + " are no JSON object");
      }
      int depth = 0;
      do {
        JsonToken token = in.currentToken();
        switch (token) {
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> json.writeNumber(in.getText());
          case VALUE_STRING -> json.writeString(whole(in.getText()));
          case FIELD_NAME -> json.writeFieldName(whole(in.currentName()));
          default -> json.copyCurrentEvent(in);
        }
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      } while (depth > 0 && in.nextToken() != null);
      if (depth > 0 || in.nextToken() != null) {
        throw new IOException("the claims of " + name + " are no whole JSON object");
      }
    }
  }

  /** The text, with U+FFFD for halves of surrogate pairs. */
  private static String whole(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        return repaired(text);
      }
    }
    return text;
  }

  private static String repaired(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      out.appendCodePoint(
          c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xfffd : c);
    }
    return out.toString();
  }

  /** Keeps at most {@link #MOST} bytes. */
  private static final class Bounded extends OutputStream {
    private byte[] bytes = new byte[2048];
    private int count;

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] source, int offset, int length) throws IOException {
      if (length > MOST - count) {
        throw new TooLargeException();
      }
      if (length > bytes.length - count) {
        bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, count + length));
      }
      System.arraycopy(source, offset, bytes, count, length);
      count += length;
    }

    private byte[] toByteArray() {
      return Arrays.copyOf(bytes, count);
    }
  }
}
