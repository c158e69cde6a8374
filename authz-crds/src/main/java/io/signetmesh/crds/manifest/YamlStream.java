package io.signetmesh.crds.manifest;

import io.signetmesh.crds.text.Quoted;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/**
 * Reads the documents of a YAML 1.2 stream with the core schema. A document that is not valid YAML
 * is reported and reading goes on at the next document marker. Merge keys, tags beyond the core
 * schema and nesting deeper than {@value #MAX_DEPTH} are refused.
 */
final class YamlStream {
  private static final int MAX_DEPTH = 64;

  /** No object of Kubernetes is longer than that, as a whole. */
  private static final int MAX_SCALAR = 1024 * 1024;

  /**
   * The parser copies what it holds of a token or a line with each buffer that it reads: with small
   * ones, long tokens take a time that grows with the square of their length.
   */
  private static final int MAX_BUFFER = 1024 * 1024;

  private static final int MIN_BUFFER = 1024;

  /** Bounds the time and the memory that one document takes: a List of all objects of a cluster. */
  private static final int MAX_NODES = 2_000_000;

  /** Bounds the work on a file of which nothing is YAML. */
  private static final int MAX_FAILURES = 50;

  private static final Pattern NULL = Pattern.compile("|~|null|Null|NULL");
  private static final Pattern BOOLEAN = Pattern.compile("true|True|TRUE|false|False|FALSE");
  private static final Pattern LEGACY_BOOLEAN =
      Pattern.compile("y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF");
  private static final Pattern INTEGER =
      Pattern.compile("[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+");
  private static final Pattern LEADING_ZERO = Pattern.compile("[-+]?0[0-9]+");
  private static final Pattern FLOAT =
      Pattern.compile(
          "[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?"
              + "|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)");
  private static final Map<String, YamlNode.Type> TAGS =
      Map.of(
          "tag:yaml.org,2002:str", YamlNode.Type.STRING,
          "tag:yaml.org,2002:int", YamlNode.Type.INTEGER,
          "tag:yaml.org,2002:float", YamlNode.Type.FLOAT,
          "tag:yaml.org,2002:bool", YamlNode.Type.BOOLEAN,
          "tag:yaml.org,2002:null", YamlNode.Type.NULL);

  private final String source;
  private final Sink sink;
  private final List<Problem> duplicates = new ArrayList<>();
  private final Map<Anchor, YamlNode> anchors = new HashMap<>();
  private int firstLine;
  private int depth;
  private int nodes;
  private Position lastRead;

  private YamlStream(String source, Sink sink) {
    this.source = source;
    this.sink = sink;
    this.lastRead = new Position(source, 1, 1);
  }

  /** Takes what is read. */
  interface Sink {
    /** A document, with what is wrong with it: keys that it has twice. */
    void document(YamlNode root, List<Problem> problems);

    /** A document that cannot be read, or a stream of which none can. */
    void unreadable(Problem problem);
  }

  /** Something that is wrong. */
  record Problem(Position position, String message) {}

  /**
   * Reads all documents; empty ones are left out.
   *
   * @param source name of the stream in positions
   */
  static void read(String source, String text, Sink sink) {
    String rest = text.startsWith("\uFEFF") ? text.substring(1) : text;
    YamlStream stream = new YamlStream(source, sink);
    if (stream.isPrintable(rest)) {
      stream.readFrom(rest);
    }
  }

  private void readFrom(String text) {
    String rest = text;
    for (int failures = 0; failures < MAX_FAILURES; failures++) {
      int failedAt = readDocuments(rest);
      if (failedAt < 0) {
        return;
      }
      int next = nextMarker(rest, Math.max(failedAt, 1));
      if (next < 0) {
        return;
      }
      firstLine += lines(rest, next);
      rest = rest.substring(next);
    }
  }

  /** Returns the line of the problem that ended reading, counted within the text; -1 at the end. */
  private int readDocuments(String text) {
    LoadSettings settings =
        LoadSettings.builder()
            .setLabel(source)
            .setUseMarks(true)
            .setCodePointLimit(Integer.MAX_VALUE)
            .setBufferSize(Math.clamp(text.length() + 1L, MIN_BUFFER, MAX_BUFFER))
            .build();
    lastRead = new Position(source, firstLine + 1, 1);
    Iterator<Event> events = new Parse(settings).parseString(text).iterator();
    try {
      while (events.hasNext()) {
        Event event = events.next();
        if (event.getEventId() == Event.ID.DocumentStart) {
          anchors.clear();
          duplicates.clear();
          depth = 0;
          nodes = 0;
          lastRead = event.getStartMark().map(this::position).orElse(lastRead);
          YamlNode root = node(events.next(), events);
          if (!(root instanceof YamlNode.Scalar scalar && scalar.type() == YamlNode.Type.NULL)) {
            sink.document(root, List.copyOf(duplicates));
          }
        }
      }
      return -1;
    } catch (Refused e) {
      sink.unreadable(e.problem);
      return e.problem.position().line() - 1 - firstLine;
    } catch (MarkedYamlEngineException e) {
      Optional<Mark> mark = e.getProblemMark().or(e::getContextMark);
      Position position = mark.map(this::position).orElse(new Position(source, firstLine + 1, 1));
      String context = e.getContext() == null ? "" : e.getContext() + ": ";
      sink.unreadable(
          new Problem(position, oneLine("not valid YAML: " + context + e.getProblem())));
      return position.line() - 1 - firstLine;
    } catch (YamlEngineException e) {
      sink.unreadable(
          new Problem(
              new Position(source, firstLine + 1, 1),
              oneLine("not valid YAML: " + e.getMessage())));
      return 0;
    } catch (RuntimeException e) {
      // The parser trips over some scalars, such as an escape sequence at the end of a file,
      // without a place.
      sink.unreadable(
          new Problem(
              lastRead, oneLine("not valid YAML: what follows cannot be read: " + e.getMessage())));
      return lastRead.line() - 1 - firstLine;
    }
  }

  private YamlNode node(Event event, Iterator<Event> events) {
    Position position = event.getStartMark().map(this::position).orElseThrow();
    lastRead = position;
    if (++nodes > MAX_NODES) {
      throw new Refused(position, "a document of more than " + MAX_NODES + " values");
    }
    if (event instanceof AliasEvent alias) {
      YamlNode meant = anchors.get(alias.getAlias());
      if (meant == null) {
        throw new Refused(position, "alias *" + alias.getAlias() + " names nothing before it");
      }
      return meant;
    }
    if (event instanceof CollectionStartEvent collection) {
      checkTag(collection.getTag(), collection instanceof MappingStartEvent, position);
      if (++depth > MAX_DEPTH) {
        throw new Refused(position, "nested deeper than " + MAX_DEPTH + " levels");
      }
    }
    YamlNode node =
        switch (event) {
          case ScalarEvent scalar -> scalar(scalar, position);
          case SequenceStartEvent _ -> sequence(position, events);
          case MappingStartEvent _ -> mapping(position, events);
          default -> throw new Refused(position, "not valid YAML: unexpected " + event);
        };
    if (!(node instanceof YamlNode.Scalar)) {
      depth--;
    }
    ((NodeEvent) event).getAnchor().ifPresent(anchor -> anchors.put(anchor, node));
    return node;
  }

  private YamlNode sequence(Position position, Iterator<Event> events) {
    List<YamlNode> items = new ArrayList<>();
    for (Event event = events.next();
        event.getEventId() != Event.ID.SequenceEnd;
        event = events.next()) {
      items.add(node(event, events));
    }
    return new YamlNode.Sequence(position, List.copyOf(items));
  }

  private YamlNode mapping(Position position, Iterator<Event> events) {
    Map<String, YamlNode.Entry> entries = new LinkedHashMap<>();
    for (Event event = events.next();
        event.getEventId() != Event.ID.MappingEnd;
        event = events.next()) {
      Position place = event.getStartMark().map(this::position).orElseThrow();
      if (!(event instanceof ScalarEvent scalar)) {
        throw new Refused(place, "keys must be strings");
      }
      YamlNode key = node(scalar, events);
      String name = ((YamlNode.Scalar) key).text();
      if (name.equals("<<") && scalar.isPlain()) {
        throw new Refused(place, "merge keys (<<) are not supported: write the fields out");
      }
      YamlNode value = node(events.next(), events);
      YamlNode.Entry first = entries.putIfAbsent(name, new YamlNode.Entry(place, name, value));
      if (first != null) {
        duplicates.add(
            new Problem(
                place,
                "duplicate key "
                    + Quoted.text(name)
                    + ", first given at line "
                    + first.position().line()));
      }
    }
    return new YamlNode.Mapping(position, List.copyOf(entries.values()));
  }

  private YamlNode scalar(ScalarEvent event, Position position) {
    String text = event.getValue();
    if (text.length() > MAX_SCALAR) {
      throw new Refused(
          position, "a value of " + text.length() + " characters: expected at most " + MAX_SCALAR);
    }
    String tag = event.getTag().orElse("");
    if (tag.isEmpty()) {
      return new YamlNode.Scalar(
          position, event.isPlain() ? resolve(text) : YamlNode.Type.STRING, text);
    }
    if (tag.equals("!")) {
      return new YamlNode.Scalar(position, YamlNode.Type.STRING, text);
    }
    YamlNode.Type type = TAGS.get(tag);
    if (type == null) {
      throw new Refused(position, "tag " + Quoted.text(tag) + " is not supported");
    }
    if (type != YamlNode.Type.STRING && resolve(text) != type) {
      throw new Refused(
          position, Quoted.text(text) + " is not what its tag " + Quoted.text(tag) + " says");
    }
    return new YamlNode.Scalar(position, type, text);
  }

  private static YamlNode.Type resolve(String text) {
    if (NULL.matcher(text).matches()) {
      return YamlNode.Type.NULL;
    }
    if (BOOLEAN.matcher(text).matches()) {
      return YamlNode.Type.BOOLEAN;
    }
    if (INTEGER.matcher(text).matches()) {
      return YamlNode.Type.INTEGER;
    }
    if (LEADING_ZERO.matcher(text).matches()) {
      return YamlNode.Type.LEADING_ZERO;
    }
    if (FLOAT.matcher(text).matches()) {
      return YamlNode.Type.FLOAT;
    }
    return LEGACY_BOOLEAN.matcher(text).matches()
        ? YamlNode.Type.LEGACY_BOOLEAN
        : YamlNode.Type.STRING;
  }

  private static void checkTag(Optional<String> tag, boolean mapping, Position position) {
    String expected = mapping ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq";
    if (tag.isPresent() && !tag.get().equals(expected) && !tag.get().equals("!")) {
      throw new Refused(position, "tag " + Quoted.text(tag.get()) + " is not supported");
    }
  }

  private static String oneLine(String message) {
    return message.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
  }

  private Position position(Mark mark) {
    return new Position(source, firstLine + mark.getLine() + 1, mark.getColumn() + 1);
  }

  private boolean isPrintable(String text) {
    int line = 1;
    int column = 1;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      boolean lone = point == '\r' && !text.startsWith("\n", i + 1);
      if (lone || !StreamReader.isPrintable(point)) {
        sink.unreadable(
            new Problem(
                new Position(source, line, column),
                "not valid YAML: character U+%04X is not allowed here".formatted(point)));
        return false;
      }
      if (point == '\n') {
        line++;
        column = 1;
      } else {
        column++;
      }
      i += Character.charCount(point);
    }
    return true;
  }

  /** Start of the first line that opens a document, from the line on; -1 when there is none. */
  private static int nextMarker(String text, int line) {
    int start = 0;
    for (int i = 0; i < line; i++) {
      start = text.indexOf('\n', start) + 1;
      if (start == 0) {
        return -1;
      }
    }
    while (start < text.length()) {
      if (text.startsWith("---", start)
          && (start + 3 == text.length() || Character.isWhitespace(text.charAt(start + 3)))) {
        return start;
      }
      start = text.indexOf('\n', start) + 1;
      if (start == 0) {
        return -1;
      }
    }
    return -1;
  }

  private static int lines(String text, int end) {
    int lines = 0;
    for (int i = 0; i < end; i++) {
      if (text.charAt(i) == '\n') {
        lines++;
      }
    }
    return lines;
  }

  /** Ends the reading of a document. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient Problem problem;

    Refused(Position position, String message) {
      super(message, null, false, false);
      this.problem = new Problem(position, message);
    }
  }
}
