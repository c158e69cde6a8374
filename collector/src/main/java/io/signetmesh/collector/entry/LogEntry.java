package io.signetmesh.collector.entry;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An entry of the collector's log: a record as its writer sent it, or a statement that records of a
 * journal are missing. It is an object of JSON (RFC 8259) in one line: {@code writer}, {@code
 * journal}, {@code received}, {@code foreign} when it is true, and {@code record} or {@code
 * missing}.
 *
 * @param writer identity of the workload or component that delivered it, as the collector verified
 *     it; not empty
 * @param journal 32 lower-case hex digits
 * @param received when the collector took it, in whole milliseconds
 * @param foreign whether the record is about a workload that the writer does not speak for
 * @param content the record, or what is missing
 */
public record LogEntry(
    String writer, String journal, Instant received, boolean foreign, Content content) {
  /** Most characters of a writer. */
  public static final int MAX_WRITER = 1024;

  private static final Pattern JOURNAL = Pattern.compile("[0-9a-f]{32}");

  /** Levels of a record: one less than of its entry, so that each record that is taken is read. */
  private static final int LEVELS = 31;

  private static final JsonFactory RECORD = json(LEVELS);
  private static final JsonFactory ENTRY = json(LEVELS + 1);

  /** Names are the writers' to choose: none of them is kept. */
  private static JsonFactory json(int levels) {
    return new JsonFactoryBuilder()
        .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
        .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(levels).build())
        .build();
  }

  /** What an entry says. */
  public sealed interface Content {}

  /**
   * A record.
   *
   * @param sequence its number in the journal, 1 or more
   * @param line the line of the journal without the newline, in UTF-8: an object of JSON whose
   *     first field is {@code sequence}
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Line(long sequence, byte[] line) implements Content {
    /**
     * Reads the line of a journal.
     *
     * @throws MalformedEntryException when it is not one object of JSON in UTF-8 from its first
     *     byte on, is nested deeper than 31 levels, or does not begin with its sequence number
     */
    public static Line of(byte[] line) throws MalformedEntryException {
      for (byte one : line) {
        if (one >= 0 && one < ' ') {
          throw new MalformedEntryException("a record has a control character: expected one line");
        }
      }
      if (line.length == 0 || line[0] != '{') {
        throw new MalformedEntryException("a record does not begin with {");
      }
      try (JsonParser parser = RECORD.createParser(characters(line))) {
        expect(parser.nextToken() == JsonToken.START_OBJECT, "a record is no object");
        expect("sequence".equals(parser.nextFieldName()), "a record does not begin with sequence");
        long sequence = number(parser, "sequence");
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          parser.nextToken();
          parser.skipChildren();
        }
        expect(parser.currentToken() == JsonToken.END_OBJECT, "a record is no object");
        expect(parser.nextToken() == null, "more than one value in a record");
        return new Line(sequence, line.clone());
      } catch (IOException e) {
        throw new MalformedEntryException("a record is not JSON: " + e.getMessage(), e);
      }
    }

    /** The text of the line. */
    public String text() {
      return new String(line, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Line(long number, byte[] bytes)
          && sequence == number
          && Arrays.equals(line, bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(line);
    }

    @Override
    public String toString() {
      return text();
    }
  }

  /**
   * Records that their writer no longer had when it delivered those after them.
   *
   * @param from sequence number of the first one, 1 or more
   * @param to sequence number of the last one, {@code from} or more
   * @param unsure whether the log may have them, because the collector does not know any more where
   *     the journal was; what follows may be in the log a second time then
   */
  public record Missing(long from, long to, boolean unsure) implements Content {
    /** Refuses an empty range. */
    public Missing {
      if (from < 1 || to < from) {
        throw new IllegalArgumentException(
            "missing records " + from + " to " + to + ": expected 1 <= from <= to");
      }
    }
  }

  /** Checks the fields. */
  public LogEntry {
    if (writer.isEmpty() || writer.length() > MAX_WRITER) {
      throw new IllegalArgumentException(
          "writer of " + writer.length() + " characters: expected 1 to " + MAX_WRITER);
    }
    if (!isJournal(journal)) {
      throw new IllegalArgumentException("journal: expected 32 lower-case hex digits");
    }
    received = received.truncatedTo(ChronoUnit.MILLIS);
  }

  /** Whether a text is the id of a journal. */
  public static boolean isJournal(String id) {
    return JOURNAL.matcher(id).matches();
  }

  /** The entry as the log holds it. */
  public byte[] bytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(256);
    text(out, "{\"writer\":\"");
    text(out, new String(JsonStringEncoder.getInstance().quoteAsString(writer)));
    text(out, "\",\"journal\":\"" + journal + "\",\"received\":\"" + received + "\"");
    if (foreign) {
      text(out, ",\"foreign\":true");
    }
    switch (content) {
      case Line line -> {
        text(out, ",\"record\":");
        out.writeBytes(line.line);
      }
      case Missing missing ->
          text(
              out,
              ",\"missing\":{\"from\":"
                  + missing.from
                  + ",\"to\":"
                  + missing.to
                  + (missing.unsure ? ",\"unsure\":true}" : "}"));
    }
    out.write('}');
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads an entry.
   *
   * @throws MalformedEntryException when it has another form
   */
  public static LogEntry parse(byte[] entry) throws MalformedEntryException {
    try {
      char[] text = characters(entry);
      return parse(text);
    } catch (MalformedEntryException e) {
      throw e;
    } catch (IOException | DateTimeException | IllegalArgumentException e) {
      throw new MalformedEntryException("an entry cannot be read: " + e.getMessage(), e);
    }
  }

  private static LogEntry parse(char[] entry) throws IOException {
    String writer = null;
    String journal = null;
    Instant received = null;
    boolean foreign = false;
    Content content = null;
    try (JsonParser parser = ENTRY.createParser(entry)) {
      expect(parser.nextToken() == JsonToken.START_OBJECT, "an entry is no object");
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        switch (name) {
          case "writer" -> writer = parser.nextTextValue();
          case "journal" -> journal = parser.nextTextValue();
          case "received" -> {
            String text = parser.nextTextValue();
            expect(text != null, "received is no text");
            received = Instant.parse(text);
          }
          case "foreign" -> {
            expect(parser.nextToken() == JsonToken.VALUE_TRUE, "foreign is not true");
            foreign = true;
          }
          case "record" -> {
            expect(content == null, "an entry has a record and something missing");
            parser.nextToken();
            int from = Math.toIntExact(parser.currentTokenLocation().getCharOffset());
            parser.skipChildren();
            int to = Math.toIntExact(parser.currentLocation().getCharOffset());
            content = Line.of(new String(entry, from, to - from).getBytes(StandardCharsets.UTF_8));
          }
          case "missing" -> {
            expect(content == null, "an entry has a record and something missing");
            content = missing(parser);
          }
          default -> throw new MalformedEntryException("unknown field of an entry: " + name);
        }
      }
      expect(parser.currentToken() == JsonToken.END_OBJECT, "an entry is no object");
      expect(parser.nextToken() == null, "more than one value in an entry");
      if (writer == null || journal == null || received == null || content == null) {
        throw new MalformedEntryException(
            "an entry lacks writer, journal, received, or record and missing");
      }
      return new LogEntry(writer, journal, received, foreign, content);
    }
  }

  /** The characters of a text in UTF-8, which has to be valid (RFC 3629). */
  private static char[] characters(byte[] text) throws CharacterCodingException {
    CharBuffer characters = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text));
    return Arrays.copyOf(characters.array(), characters.limit());
  }

  private static Missing missing(JsonParser parser) throws IOException {
    expect(parser.nextToken() == JsonToken.START_OBJECT, "missing is no object");
    expect("from".equals(parser.nextFieldName()), "missing does not begin with from");
    long from = number(parser, "from");
    expect("to".equals(parser.nextFieldName()), "missing has no to");
    long to = number(parser, "to");
    boolean unsure = false;
    if ("unsure".equals(parser.nextFieldName())) {
      expect(parser.nextToken() == JsonToken.VALUE_TRUE, "unsure is not true");
      unsure = true;
      parser.nextToken();
    }
    expect(parser.currentToken() == JsonToken.END_OBJECT, "missing has more than from and to");
    return new Missing(from, to, unsure);
  }

  private static long number(JsonParser parser, String name) throws IOException {
    expect(parser.nextToken() == JsonToken.VALUE_NUMBER_INT, name + " is no integer");
    long number = parser.getLongValue();
    expect(number >= 1, name + " is " + number + ": expected 1 or more");
    return number;
  }

  private static void expect(boolean holds, String otherwise) throws MalformedEntryException {
    if (!holds) {
      throw new MalformedEntryException(otherwise);
    }
  }
}
