package io.signetmesh.audit;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Encodes records as JSON (RFC 8259) into one reused buffer. The writer thread formats every
 * decision of a data plane here, which is why it does not go through an object mapper. Confined to
 * that thread.
 */
final class JsonLine {
  /** Connections whose encoding is kept, a power of two. */
  private static final int CACHED_CONNECTIONS = 128;

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private byte[] buffer = new byte[4 * 1024];
  private int length;
  private long cachedSecond = Long.MIN_VALUE;
  private byte[] cachedPrefix = new byte[0];
  private final @Nullable ConnectionText[] connections = new ConnectionText[CACHED_CONNECTIONS];

  /** All records of a connection have these parts in common, in three places of the line. */
  @SuppressWarnings("ArrayRecordComponent") // private to this encoder, never compared
  private record ConnectionText(
      AuditedConnection connection, byte[] workload, byte[] client, byte[] tls) {}

  int length() {
    return length;
  }

  byte[] array() {
    return buffer;
  }

  void clear() {
    length = 0;
  }

  /** Drops everything after {@code mark}, a value that {@link #length()} returned. */
  void truncate(int mark) {
    length = mark;
  }

  void decision(long sequence, DecisionEvent event) {
    open(sequence, event.epochMillis());
    ConnectionText connection = text(event.connection());
    bytes(connection.workload());
    field("server", event.server());
    optional("route", event.route());
    bytes(connection.client());
    field("protocol", event.protocol());
    optional("method", event.method());
    optional("path", event.path());
    field("verdict", event.verdict().label());
    field("reason", event.reason());
    optional("authorization", event.authorization());
    optional("failed_attribute", event.failedAttribute());
    optional("detail", event.detail());
    raw(",\"policy_generation\":");
    number(event.policyGeneration());
    field("mode", event.mode().label());
    TrialVerdict trial = event.trial();
    if (trial != null) {
      trial(trial);
    }
    AuditedToken token = event.token();
    if (token != null) {
      token(token);
    }
    if (!event.rego().isEmpty()) {
      rego(event.rego());
    }
    if (event.count() > 1) {
      raw(",\"count\":");
      number(event.count());
    }
    if (event.sampled()) {
      raw(",\"sampled\":true");
    }
    bytes(connection.tls());
  }

  private void trial(TrialVerdict trial) {
    raw(",\"trial\":{");
    name("verdict");
    string(trial.verdict().label());
    field("reason", trial.reason());
    optional("authorization", trial.authorization());
    optional("failed_attribute", trial.failedAttribute());
    optional("detail", trial.detail());
    put((byte) '}');
  }

  private void token(AuditedToken token) {
    raw(",\"token\":{");
    name("issuer");
    string(token.issuer());
    optional("subject", token.subject());
    optional("id", token.id());
    optional("key_id", token.keyId());
    put((byte) '}');
  }

  private void rego(List<AuditedRego> answers) {
    raw(",\"rego\":[");
    for (int i = 0; i < answers.size(); i++) {
      AuditedRego answer = answers.get(i);
      raw(i == 0 ? "{" : ",{");
      name("authentication");
      string(answer.authentication());
      field("outcome", answer.outcome());
      optional("reason", answer.reason());
      put((byte) '}');
    }
    put((byte) ']');
  }

  /** The encoded parts of a connection, from the cache or made now. */
  private ConnectionText text(AuditedConnection connection) {
    int slot = System.identityHashCode(connection) & (connections.length - 1);
    ConnectionText cached = connections[slot];
    if (cached != null && cached.connection() == connection) {
      return cached;
    }
    int start = length;
    raw(",\"decision\":{\"workload\":");
    string(connection.workload());
    byte[] workload = cutFrom(start);
    optional("client_identity", connection.clientIdentity());
    address("client_address", connection.client());
    address("target_address", connection.target());
    byte[] client = cutFrom(start);
    optional("tls_version", connection.tlsVersion());
    optional("tls_group", connection.tlsGroup());
    raw("}}\n");
    ConnectionText made = new ConnectionText(connection, workload, client, cutFrom(start));
    connections[slot] = made;
    return made;
  }

  /** What was encoded since {@code start}, taken out of the buffer again. */
  private byte[] cutFrom(int start) {
    byte[] cut = Arrays.copyOfRange(buffer, start, length);
    length = start;
    return cut;
  }

  void administrative(long sequence, AdministrativeEvent event) {
    open(sequence, event.epochMillis());
    raw(",\"administrative\":{\"act\":");
    string(event.act());
    field("actor", event.actor());
    field("subject", event.subject());
    raw(",\"attributes\":{");
    boolean first = true;
    for (Map.Entry<String, String> entry : event.attributes().entrySet()) {
      if (!first) {
        put((byte) ',');
      }
      first = false;
      string(entry.getKey());
      put((byte) ':');
      string(entry.getValue());
    }
    raw("}}}\n");
  }

  void gap(long sequence, long epochMillis, long lost, @Nullable String workload) {
    open(sequence, epochMillis);
    raw(",\"gap\":{\"lost\":");
    number(lost);
    optional("workload", workload);
    raw("}}\n");
  }

  void head(JournalHead head) {
    open(head.sequence(), head.epochMillis());
    raw(",\"head\":{");
    name("journal");
    string(head.journal());
    raw(",\"first\":");
    number(head.first());
    field("sha256", head.sha256());
    field("previous", head.previous());
    field("certificate", head.certificate());
    field("signature", head.signature());
    if (!head.certificates().isEmpty()) {
      raw(",\"certificates\":[");
      for (int i = 0; i < head.certificates().size(); i++) {
        raw(i == 0 ? "" : ",");
        string(head.certificates().get(i));
      }
      put((byte) ']');
    }
    raw("}}\n");
  }

  private void open(long sequence, long epochMillis) {
    raw("{\"sequence\":");
    number(sequence);
    raw(",\"time\":\"");
    long second = Math.floorDiv(epochMillis, 1000L);
    if (second != cachedSecond) {
      cachedSecond = second;
      String text = Instant.ofEpochSecond(second).toString();
      cachedPrefix = text.substring(0, text.length() - 1).getBytes(StandardCharsets.US_ASCII);
    }
    bytes(cachedPrefix);
    int millis = (int) Math.floorMod(epochMillis, 1000L);
    put((byte) '.');
    put((byte) ('0' + millis / 100));
    put((byte) ('0' + millis / 10 % 10));
    put((byte) ('0' + millis % 10));
    raw("Z\"");
  }

  private void field(String name, String value) {
    put((byte) ',');
    name(name);
    string(value);
  }

  private void optional(String name, @Nullable String value) {
    if (value != null) {
      field(name, value);
    }
  }

  private void address(String name, InetSocketAddress address) {
    put((byte) ',');
    name(name);
    InetAddress ip = address.getAddress();
    if (ip == null) {
      string(address.getHostString() + ":" + address.getPort());
      return;
    }
    String text = ip.getHostAddress();
    put((byte) '"');
    raw(text.indexOf(':') >= 0 ? "[" + text + "]" : text);
    put((byte) ':');
    number(address.getPort());
    put((byte) '"');
  }

  private void name(String name) {
    put((byte) '"');
    raw(name);
    put((byte) '"');
    put((byte) ':');
  }

  private void raw(String ascii) {
    int count = ascii.length();
    ensure(count);
    for (int i = 0; i < count; i++) {
      buffer[length++] = (byte) ascii.charAt(i);
    }
  }

  private void bytes(byte[] encoded) {
    ensure(encoded.length);
    System.arraycopy(encoded, 0, buffer, length, encoded.length);
    length += encoded.length;
  }

  private void number(long value) {
    if (value < 0) {
      raw(Long.toString(value));
      return;
    }
    int digits = 1;
    for (long rest = value; rest >= 10; rest /= 10) {
      digits++;
    }
    ensure(digits);
    long rest = value;
    for (int i = length + digits - 1; i >= length; i--) {
      buffer[i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    length += digits;
  }

  private void string(String value) {
    int count = value.length();
    ensure(count * 6 + 2);
    buffer[length++] = '"';
    for (int i = 0; i < count; i++) {
      char c = value.charAt(i);
      if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        buffer[length++] = (byte) c;
      } else if (c == '"' || c == '\\') {
        buffer[length++] = '\\';
        buffer[length++] = (byte) c;
      } else if (isUnsafe(c)) {
        unicode(c);
      } else if (c < 0x800) {
        buffer[length++] = (byte) (0xc0 | c >> 6);
        buffer[length++] = (byte) (0x80 | c & 0x3f);
      } else if (!Character.isSurrogate(c)) {
        buffer[length++] = (byte) (0xe0 | c >> 12);
        buffer[length++] = (byte) (0x80 | c >> 6 & 0x3f);
        buffer[length++] = (byte) (0x80 | c & 0x3f);
      } else if (Character.isHighSurrogate(c)
          && i + 1 < count
          && Character.isLowSurrogate(value.charAt(i + 1))) {
        char low = value.charAt(++i);
        int point = Character.toCodePoint(c, low);
        if (Character.getType(point) == Character.FORMAT) {
          ensure(12 + (count - i) * 6);
          unicode(c);
          unicode(low);
          continue;
        }
        buffer[length++] = (byte) (0xf0 | point >> 18);
        buffer[length++] = (byte) (0x80 | point >> 12 & 0x3f);
        buffer[length++] = (byte) (0x80 | point >> 6 & 0x3f);
        buffer[length++] = (byte) (0x80 | point & 0x3f);
      } else {
        // A lone surrogate has no UTF-8 form.
        unicode('\ufffd');
      }
    }
    buffer[length++] = '"';
  }

  /** What a terminal or an editor would act on, or show as something else. */
  private static boolean isUnsafe(char c) {
    return c < 0xa0
        ? c < 0x20 || c >= 0x7f
        : c == '\u2028' || c == '\u2029' || Character.getType(c) == Character.FORMAT;
  }

  private void unicode(char c) {
    buffer[length++] = '\\';
    buffer[length++] = 'u';
    buffer[length++] = HEX[c >> 12 & 0xf];
    buffer[length++] = HEX[c >> 8 & 0xf];
    buffer[length++] = HEX[c >> 4 & 0xf];
    buffer[length++] = HEX[c & 0xf];
  }

  private void put(byte value) {
    ensure(1);
    buffer[length++] = value;
  }

  private void ensure(int more) {
    if (buffer.length - length < more) {
      buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + more));
    }
  }
}
