package io.signetmesh.collector.export;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.signetmesh.collector.query.AuditEntry;
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
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The formats are read by readers that were written from their specifications. */
final class FormatsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ID = "signet.example/audit#7";

  /** What clients and writers may choose. */
  @Provide
  static Arbitrary<String> hostile() {
    return Arbitraries.of(
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\uff1d1",
            "a,b",
            "a\"b",
            "a\r\nb",
            "a\nb=c d=e",
            " x=y",
            "x act=allow",
            "a|b|c",
            "back\\slash\\",
            "\\=",
            "\u001b[2J",
            "\u009b31m",
            "\u202egnp.exe",
            "\u2028",
            "\ud800",
            "<script>alert(1)</script>",
            "'quoted'",
            "\ttab",
            " ",
            "")
        .list()
        .ofMinSize(1)
        .ofMaxSize(3)
        .map(parts -> String.join("", parts));
  }

  private static Decision decision(String verdict, String method, String text) {
    return new Decision(
        text,
        text,
        text,
        text,
        "10.1.0.4:40112",
        "[fd00::1]:8080",
        text,
        method,
        text,
        verdict,
        text,
        text,
        text,
        text,
        17,
        "enforce",
        new Trial("deny", text, text, text, text),
        new Token(text, text, text, text),
        List.of(new Rego(text, "deny", text)),
        "TLSv1.3",
        text,
        3);
  }

  private static List<Event> events(String text) {
    return List.of(
        decision("allow", "GET", text),
        decision("deny", text, text),
        new Administrative(text, text, text, Map.of("a", text)),
        new Gap(128, text),
        new Missing(3, 9, false),
        new Other(text));
  }

  private static AuditEntry entry(Event event, String writer) {
    Instant time = Instant.parse("2026-11-30T10:00:00.250Z");
    return new AuditEntry(
        7, new byte[0], writer, "0".repeat(32), time.plusMillis(3), true, 9, time, event);
  }

  private static void assertHarmless(String text) {
    assertThat(text.codePoints())
        .allMatch(
            c ->
                c == '\n'
                    || c == '\r'
                    || (Character.getType(c) != Character.CONTROL
                        && Character.getType(c) != Character.FORMAT
                        && Character.getType(c) != Character.LINE_SEPARATOR
                        && Character.getType(c) != Character.SURROGATE));
  }

  /** The grammar of RFC 4180, section 2. */
  private static List<List<String>> rows(String csv) {
    List<List<String>> rows = new ArrayList<>();
    List<String> row = new ArrayList<>();
    Matcher field = Pattern.compile("(?:\"((?:[^\"]|\"\")*)\"|([^\",\r\n]*))(,|\r\n)").matcher(csv);
    int at = 0;
    while (at < csv.length()) {
      assertThat(field.find(at) && field.start() == at).as("field at %s of %s", at, csv).isTrue();
      row.add(field.group(1) == null ? field.group(2) : field.group(1).replace("\"\"", "\""));
      if (!field.group(3).equals(",")) {
        rows.add(row);
        row = new ArrayList<>();
      }
      at = field.end();
    }
    return rows;
  }

  @Property(tries = 150)
  void csvIsAsRfc4180HasItAndNoCellIsAFormula(@ForAll("hostile") String text) {
    CsvFormat format = new CsvFormat();
    StringBuilder file = new StringBuilder(new String(format.head(), UTF_8));
    for (Event event : events(text)) {
      file.append(new String(format.entry(ID, entry(event, text)), UTF_8));
    }
    assertHarmless(file.toString());

    List<List<String>> rows = rows(file.toString());

    assertThat(rows).hasSize(1 + events(text).size());
    assertThat(rows.getFirst()).isEqualTo(EntryFields.NAMES);
    for (int i = 1; i < rows.size(); i++) {
      List<String> row = rows.get(i);
      assertThat(row).hasSameSizeAs(EntryFields.NAMES);
      assertThat(row)
          .noneMatch(
              cell ->
                  !cell.isEmpty() && "=+-@\uff1d\uff0b\uff0d\uff20".indexOf(cell.charAt(0)) >= 0);
      Map<String, Object> fields = EntryFields.of(ID, entry(events(text).get(i - 1), text));
      for (int column = 0; column < row.size(); column++) {
        String expected =
            SafeText.of(fields.getOrDefault(EntryFields.NAMES.get(column), "").toString());
        String cell = row.get(column);
        assertThat(cell.startsWith("'") ? cell.substring(1) : cell).isEqualTo(expected);
      }
    }
  }

  /**
   * Common Event Format, ArcSight's implementation standard: seven fields of the header, in which a
   * bar and a backslash are escaped, and key-value pairs, in which an equals sign and a backslash
   * are.
   */
  private static Map<String, String> cef(String line) {
    assertThat(line).endsWith("\n");
    String event = line.substring(0, line.length() - 1);
    assertThat(event).doesNotContain("\n", "\r");
    List<String> header = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    int at = 0;
    while (header.size() < 7) {
      char c = event.charAt(at++);
      if (c == '\\') {
        char escaped = event.charAt(at++);
        assertThat(escaped).isIn('\\', '|');
        field.append(escaped);
      } else if (c == '|') {
        header.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    assertThat(header.getFirst()).isEqualTo("CEF:0");
    assertThat(Integer.parseInt(header.getLast())).isBetween(0, 10);
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put("class", header.get(4));
    String extension = event.substring(at);
    Matcher key = Pattern.compile("(?:^| )([A-Za-z0-9_]+)=").matcher(extension);
    String last = null;
    int begin = 0;
    while (key.find()) {
      if (last != null) {
        fields.put(last, value(extension.substring(begin, key.start())));
      }
      last = key.group(1);
      assertThat(fields).doesNotContainKey(last);
      begin = key.end();
    }
    fields.put(String.valueOf(last), value(extension.substring(begin)));
    return fields;
  }

  private static String value(String escaped) {
    StringBuilder value = new StringBuilder();
    for (int i = 0; i < escaped.length(); i++) {
      char c = escaped.charAt(i);
      assertThat(c).isNotEqualTo('=');
      if (c == '\\') {
        i++;
        assertThat(escaped.charAt(i)).isIn('\\', '=');
        c = escaped.charAt(i);
      }
      value.append(c);
    }
    return value.toString();
  }

  private static final Set<String> CEF_KEYS =
      Set.of(
          "class act outcome reason src spt dst dpt c6a2 c6a2Label c6a3 c6a3Label suser duser",
          "destinationServiceName app requestMethod request msg cnt cs1 cs1Label cs2 cs2Label cs3",
          "cs3Label cs4 cs4Label cs5 cs5Label cs6 cs6Label cn1 cn1Label cn2 cn2Label cn3 cn3Label",
          "start rt externalId deviceExternalId");

  /** Types and lengths of the dictionary of the implementation standard. */
  private static void assertCefTypes(Map<String, String> fields) {
    Map<String, Integer> longest = new LinkedHashMap<>();
    longest.put("act", 63);
    longest.put("app", 31);
    longest.put("outcome", 63);
    longest.put("deviceExternalId", 255);
    for (String key :
        List.of("reason", "suser", "duser", "destinationServiceName", "requestMethod", "request")) {
      longest.put(key, 1_023);
    }
    longest.put("msg", 1_023);
    for (int i = 1; i <= 6; i++) {
      longest.put("cs" + i, 4_000);
      longest.put("cs" + i + "Label", 1_023);
    }
    fields.forEach(
        (key, value) -> {
          if (longest.containsKey(key)) {
            assertThat(value.length()).as(key).isBetween(1, longest.get(key));
          } else if (Set.of("spt", "dpt").contains(key)) {
            assertThat(Integer.parseInt(value)).as(key).isBetween(0, 65_535);
          } else if (Set.of("src", "dst").contains(key)) {
            assertThat(value).as(key).matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
          } else if (Set.of("start", "rt", "cnt", "cn1", "cn2", "cn3").contains(key)) {
            assertThat(value).as(key).matches("-?[0-9]{1,19}");
          } else if (Set.of("c6a2", "c6a3").contains(key)) {
            assertThat(value).as(key).matches("[0-9a-fA-F:.]{2,45}");
          }
        });
    // A custom field has a label, and a label a custom field.
    for (String key : fields.keySet()) {
      if (key.matches("c(s|n|6a)[0-9]")) {
        assertThat(fields).containsKey(key + "Label");
      } else if (key.endsWith("Label")) {
        assertThat(fields).containsKey(key.substring(0, key.length() - 5));
      }
    }
  }

  @Property(tries = 150)
  void cefHasTheFieldsOfTheDictionaryAndNoneThatAClientMakesUp(@ForAll("hostile") String text) {
    CefFormat format = new CefFormat("1.0|x");
    Set<String> known = Set.of(String.join(" ", CEF_KEYS).split(" "));
    for (Event event : events(text)) {
      String line = new String(format.entry(ID, entry(event, text)), UTF_8);
      assertHarmless(line);
      Map<String, String> fields = cef(line);
      assertThat(known).containsAll(fields.keySet());
      assertCefTypes(fields);
      assertThat(fields).containsEntry("cs6", ID).containsEntry("cn2", "9");
      if (event instanceof Decision decision) {
        assertThat(fields)
            .containsEntry("act", String.valueOf(decision.verdict()))
            .containsEntry("src", "10.1.0.4")
            .containsEntry("spt", "40112")
            .containsEntry("c6a3", "fd00:0:0:0:0:0:0:1".replace("fd00:0:0:0:0:0:0:1", "fd00::1"));
        if (!SafeText.of(text).isBlank()) {
          assertThat(fields).containsEntry("request", SafeText.of(text).strip());
        }
      }
    }
  }

  /** What OCSF 1.8.0 requires of the classes and objects that are used, and their enumerations. */
  private static void assertOcsf(JsonNode event) {
    int eventClass = event.path("class_uid").asInt(-1);
    int activity = event.path("activity_id").asInt(-1);
    assertThat(event.path("category_uid").asInt(-1)).isEqualTo(eventClass / 1000);
    assertThat(event.path("type_uid").asLong()).isEqualTo(eventClass * 100L + activity);
    assertThat(event.path("severity_id").asInt(-1)).isIn(0, 1, 2, 3, 4, 5, 6, 99);
    assertThat(event.path("time").isIntegralNumber()).isTrue();
    assertThat(event.path("metadata").path("version").asText()).isEqualTo("1.8.0");
    assertThat(event.path("metadata").path("product").path("name").isTextual()).isTrue();
    assertThat(event.path("metadata").path("uid").asText()).isEqualTo(ID);
    assertThat(event.path("unmapped").isObject()).isTrue();
    Set<Integer> activities =
        switch (eventClass) {
          case 4001 -> Set.of(0, 1, 2, 3, 4, 5, 6, 7, 99);
          case 4002 -> Set.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99);
          case 3004 -> Set.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99);
          default -> {
            assertThat(eventClass).isZero();
            yield Set.of(0, 99);
          }
        };
    assertThat(activities).contains(activity);
    if (activity == 99) {
      assertThat(event.path("activity_name").isTextual()).isTrue();
    }
    if (eventClass / 1000 == 4) {
      assertThat(event.path("metadata").path("profiles").path(0).asText())
          .isEqualTo("security_control");
      assertThat(event.path("action_id").asInt(-1)).isIn(1, 2);
      assertThat(event.path("disposition_id").asInt(-1)).isIn(1, 2);
      assertThat(event.path("connection_info").path("direction_id").asInt(-1)).isEqualTo(1);
      for (String side : List.of("src_endpoint", "dst_endpoint")) {
        JsonNode endpoint = event.path(side);
        assertThat(endpoint.has("ip") || endpoint.has("name") || endpoint.has("svc_name")).isTrue();
        if (endpoint.has("port")) {
          assertThat(endpoint.path("port").asInt()).isBetween(0, 65_535);
        }
      }
      if (event.has("tls")) {
        assertThat(event.path("tls").path("version").isTextual()).isTrue();
      }
      if (event.has("policy")) {
        assertThat(event.path("policy").path("name").isTextual()).isTrue();
      }
      assertThat(event.has("http_request")).isEqualTo(eventClass == 4002);
    }
    if (eventClass == 3004) {
      assertThat(event.path("entity").path("name").isTextual()).isTrue();
    }
  }

  @Property(tries = 100)
  void ocsfHasWhatItsClassesRequire(@ForAll("hostile") String text) throws IOException {
    OcsfFormat format = new OcsfFormat("signet.example/audit", "1.0");
    for (Event event : events(text)) {
      String line = new String(format.entry(ID, entry(event, text)), UTF_8);
      assertThat(line.indexOf('\n')).isEqualTo(line.length() - 1);
      assertHarmless(line);
      JsonText.requireObject(line.strip().getBytes(UTF_8));
      JsonNode json = JSON.readTree(line);
      assertOcsf(json);
      if (event instanceof Decision decision) {
        assertThat(json.path("class_uid").asInt()).isEqualTo(4002);
        assertThat(json.path("src_endpoint").path("ip").asText()).isEqualTo("10.1.0.4");
        assertThat(json.path("http_request").path("url").path("path").asText())
            .isEqualTo(SafeText.of(String.valueOf(decision.path())));
      }
    }
    Decision connection =
        new Decision(
            null, null, null, null, null, null, null, null, null, "deny", null, null, null, null, 0,
            null, null, null, List.of(), null, null, 1);
    JsonNode json = JSON.readTree(format.entry(ID, entry(connection, "w")));
    assertOcsf(json);
    assertThat(json.path("class_uid").asInt()).isEqualTo(4001);
    assertThat(json.path("activity_id").asInt()).isEqualTo(5);
  }

  /**
   * The file format of OTLP: requests as JSON, 64-bit integers as texts, enumerations as numbers.
   */
  @Property(tries = 100)
  void otlpLinesAreRequestsOfLogs(@ForAll("hostile") String text) throws IOException {
    OtlpFormat format = new OtlpFormat("signet.example/audit", "1.0");
    for (Event event : events(text)) {
      String line = new String(format.entry(ID, entry(event, text)), UTF_8);
      assertThat(line.indexOf('\n')).isEqualTo(line.length() - 1);
      assertHarmless(line);
      JsonText.requireObject(line.strip().getBytes(UTF_8));
      JsonNode logs = JSON.readTree(line).path("resourceLogs").path(0);
      assertThat(attributes(logs.path("resource")))
          .containsEntry("service.name", "signet")
          .containsEntry("signet.audit.log", "signet.example/audit");
      JsonNode record = logs.path("scopeLogs").path(0).path("logRecords").path(0);
      assertThat(record.path("timeUnixNano").asText()).isEqualTo("1796032800250000000");
      assertThat(record.path("observedTimeUnixNano").asText()).isEqualTo("1796032800253000000");
      assertThat(record.path("severityNumber").asInt()).isIn(9, 13, 17);
      assertThat(record.path("eventName").asText()).startsWith("signet.audit.");
      Map<String, String> attributes = attributes(record);
      assertThat(attributes)
          .containsEntry("log.record.uid", ID)
          .containsEntry("signet.sequence", "9");
      if (event instanceof Decision) {
        assertThat(attributes)
            .containsEntry("client.address", "10.1.0.4")
            .containsEntry("client.port", "40112")
            .containsEntry("server.address", "fd00::1")
            .containsEntry("url.path", SafeText.of(text));
      }
    }
  }

  private static Map<String, String> attributes(JsonNode node) {
    Map<String, String> attributes = new LinkedHashMap<>();
    for (JsonNode attribute : node.path("attributes")) {
      JsonNode value = attribute.path("value");
      assertThat(value).hasSize(1);
      assertThat(value.has("intValue") ? value.path("intValue").isTextual() : true).isTrue();
      String before =
          attributes.put(attribute.path("key").asText(), value.elements().next().asText());
      assertThat(before).isNull();
    }
    return attributes;
  }

  /** A writer chooses the time, too. */
  @Example
  void aTimeThatNoFormatHoldsEndsNoExport() {
    for (Instant time :
        List.of(Instant.parse("9999-12-31T23:59:59Z"), Instant.parse("0000-01-01T00:00:00Z"))) {
      AuditEntry entry =
          new AuditEntry(
              7, new byte[0], "w", "0".repeat(32), time, false, 9, time, new Gap(1, null));
      for (RecordFormat format :
          List.of(
              new CsvFormat(),
              new CefFormat("1"),
              new OcsfFormat("o", "1"),
              new OtlpFormat("o", "1"))) {
        assertThat(format.entry(ID, entry)).isNotEmpty();
      }
    }
  }
}
