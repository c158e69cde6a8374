package io.signetmesh.collector.query;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Event;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.AuditEntry.Rego;
import io.signetmesh.collector.query.AuditEntry.Token;
import io.signetmesh.collector.query.AuditEntry.Trial;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads entries in one pass, for scans of many. Fields that it does not know are passed over, as
 * docs/security/audit-format.md wants it of readers.
 */
public final class EntryParser {
  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(32).build())
          .build();

  private EntryParser() {}

  /**
   * Reads an entry.
   *
   * @param index of the entry in the log
   * @throws UnreadableEntryException when it is no entry
   */
  public static AuditEntry parse(long index, byte[] entry) throws UnreadableEntryException {
    try (JsonParser parser = JSON.createParser(entry)) {
      return new Reading(parser).entry(index, entry);
    } catch (IOException | DateTimeException | IllegalArgumentException e) {
      throw new UnreadableEntryException(
          "entry " + index + " cannot be read: " + firstLine(e.getMessage()), e);
    }
  }

  private static String firstLine(@Nullable String message) {
    return message == null ? "no JSON" : message.lines().findFirst().orElse("");
  }

  /** One entry. */
  private static final class Reading {
    private final JsonParser parser;
    private long sequence;
    private @Nullable Instant time;
    private @Nullable Event event;

    Reading(JsonParser parser) {
      this.parser = parser;
    }

    AuditEntry entry(long index, byte[] bytes) throws IOException {
      String writer = null;
      String journal = null;
      Instant received = null;
      boolean foreign = false;
      expect(parser.nextToken() == JsonToken.START_OBJECT, "it is no object");
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "writer" -> writer = text();
          case "journal" -> journal = text();
          case "received" -> received = time(text());
          case "foreign" -> foreign = parser.nextToken() != JsonToken.VALUE_FALSE;
          case "record" -> record();
          case "missing" -> missing();
          default -> skip();
        }
      }
      expect(parser.currentToken() == JsonToken.END_OBJECT, "it is no object");
      expect(parser.nextToken() == null, "there is more than one value");
      Event read = event;
      if (writer == null || journal == null || received == null || read == null) {
        throw new IllegalArgumentException("writer, journal, received or the record is missing");
      }
      return new AuditEntry(index, bytes, writer, journal, received, foreign, sequence, time, read);
    }

    private void record() throws IOException {
      expect(event == null, "there is more than one record");
      expect(parser.nextToken() == JsonToken.START_OBJECT, "the record is no object");
      Event read = null;
      String kind = "";
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "sequence" -> sequence = number();
          case "time" -> time = time(text());
          case "decision" -> read = decision();
          case "administrative" -> read = administrative();
          case "gap" -> read = gap();
          default -> {
            kind = name;
            skip();
          }
        }
      }
      event = read == null ? new Other(kind) : read;
    }

    private void missing() throws IOException {
      expect(event == null, "there is more than one record");
      long from = 0;
      long to = 0;
      boolean unsure = false;
      expect(parser.nextToken() == JsonToken.START_OBJECT, "missing is no object");
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "from" -> from = number();
          case "to" -> to = number();
          case "unsure" -> unsure = parser.nextToken() == JsonToken.VALUE_TRUE;
          default -> skip();
        }
      }
      expect(from >= 1 && to >= from, "missing is no range of sequence numbers");
      sequence = from;
      event = new Missing(from, to, unsure);
    }

    private @Nullable Decision decision() throws IOException {
      if (!object()) {
        return null;
      }
      String workload = null;
      String server = null;
      String route = null;
      String clientIdentity = null;
      String clientAddress = null;
      String targetAddress = null;
      String protocol = null;
      String method = null;
      String path = null;
      String verdict = null;
      String reason = null;
      String authorization = null;
      String failedAttribute = null;
      String detail = null;
      long policyGeneration = 0;
      String mode = null;
      Trial trial = null;
      Token token = null;
      List<Rego> rego = List.of();
      String tlsVersion = null;
      String tlsGroup = null;
      long count = 1;
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "workload" -> workload = text();
          case "server" -> server = text();
          case "route" -> route = text();
          case "client_identity" -> clientIdentity = text();
          case "client_address" -> clientAddress = text();
          case "target_address" -> targetAddress = text();
          case "protocol" -> protocol = text();
          case "method" -> method = text();
          case "path" -> path = text();
          case "verdict" -> verdict = text();
          case "reason" -> reason = text();
          case "authorization" -> authorization = text();
          case "failed_attribute" -> failedAttribute = text();
          case "detail" -> detail = text();
          case "policy_generation" -> policyGeneration = number();
          case "mode" -> mode = text();
          case "trial" -> trial = trial();
          case "token" -> token = token();
          case "rego" -> rego = rego();
          case "tls_version" -> tlsVersion = text();
          case "tls_group" -> tlsGroup = text();
          case "count" -> count = Math.max(1, number());
          default -> skip();
        }
      }
      return new Decision(
          workload,
          server,
          route,
          clientIdentity,
          clientAddress,
          targetAddress,
          protocol,
          method,
          path,
          verdict,
          reason,
          authorization,
          failedAttribute,
          detail,
          policyGeneration,
          mode,
          trial,
          token,
          rego,
          tlsVersion,
          tlsGroup,
          count);
    }

    private @Nullable Trial trial() throws IOException {
      if (!object()) {
        return null;
      }
      String verdict = null;
      String reason = null;
      String authorization = null;
      String failedAttribute = null;
      String detail = null;
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "verdict" -> verdict = text();
          case "reason" -> reason = text();
          case "authorization" -> authorization = text();
          case "failed_attribute" -> failedAttribute = text();
          case "detail" -> detail = text();
          default -> skip();
        }
      }
      return new Trial(verdict, reason, authorization, failedAttribute, detail);
    }

    private @Nullable Token token() throws IOException {
      if (!object()) {
        return null;
      }
      String issuer = null;
      String subject = null;
      String id = null;
      String keyId = null;
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "issuer" -> issuer = text();
          case "subject" -> subject = text();
          case "id" -> id = text();
          case "key_id" -> keyId = text();
          default -> skip();
        }
      }
      return new Token(issuer, subject, id, keyId);
    }

    private List<Rego> rego() throws IOException {
      List<Rego> answers = new ArrayList<>();
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        parser.skipChildren();
        return answers;
      }
      for (JsonToken at = parser.nextToken();
          at != null && at != JsonToken.END_ARRAY;
          at = parser.nextToken()) {
        if (at != JsonToken.START_OBJECT) {
          parser.skipChildren();
          continue;
        }
        String authentication = null;
        String outcome = null;
        String reason = null;
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
          switch (name) {
            case "authentication" -> authentication = text();
            case "outcome" -> outcome = text();
            case "reason" -> reason = text();
            default -> skip();
          }
        }
        answers.add(new Rego(authentication, outcome, reason));
      }
      return List.copyOf(answers);
    }

    private @Nullable Administrative administrative() throws IOException {
      if (!object()) {
        return null;
      }
      String act = null;
      String actor = null;
      String subject = null;
      Map<String, String> attributes = new TreeMap<>();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "act" -> act = text();
          case "actor" -> actor = text();
          case "subject" -> subject = text();
          case "attributes" -> {
            if (object()) {
              for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
                String value = text();
                if (value != null) {
                  attributes.put(key, value);
                }
              }
            }
          }
          default -> skip();
        }
      }
      return new Administrative(act, actor, subject, attributes);
    }

    private @Nullable Gap gap() throws IOException {
      if (!object()) {
        return null;
      }
      long lost = 0;
      String workload = null;
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "lost" -> lost = number();
          case "workload" -> workload = text();
          default -> skip();
        }
      }
      return new Gap(lost, workload);
    }

    /** Enters the object that comes next; passes over anything else. */
    private boolean object() throws IOException {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        return true;
      }
      parser.skipChildren();
      return false;
    }

    /** The text or number that comes next; null for anything else. */
    private @Nullable String text() throws IOException {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.VALUE_STRING) {
        return parser.getText();
      }
      if (token != null && token.isScalarValue() && token != JsonToken.VALUE_NULL) {
        return parser.getText();
      }
      parser.skipChildren();
      return null;
    }

    /** The integer that comes next; 0 for anything else. */
    private long number() throws IOException {
      if (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
        return parser.getLongValue();
      }
      parser.skipChildren();
      return 0;
    }

    private void skip() throws IOException {
      parser.nextToken();
      parser.skipChildren();
    }

    private static @Nullable Instant time(@Nullable String text) {
      return text == null ? null : TimeText.parse(text);
    }

    private static void expect(boolean holds, String otherwise) {
      if (!holds) {
        throw new IllegalArgumentException(otherwise);
      }
    }
  }
}
