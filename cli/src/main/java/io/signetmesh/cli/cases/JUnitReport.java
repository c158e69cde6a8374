package io.signetmesh.cli.cases;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes results in JUnit's XML format, which build servers read: one test suite per file of cases.
 */
public final class JUnitReport {
  private static final String INDENT = "  ";

  private JUnitReport() {}

  /**
   * Writes a report, replacing the file if it exists.
   *
   * @param file file to write
   * @param suites results of each file of cases
   * @throws IOException when the file cannot be written
   */
  public static void write(Path file, Map<Path, List<CaseResult>> suites) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    try (Writer writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
      XMLStreamWriter xml = XMLOutputFactory.newInstance().createXMLStreamWriter(writer);
      xml.writeStartDocument("UTF-8", "1.0");
      start(xml, 0, "testsuites");
      for (Map.Entry<Path, List<CaseResult>> suite : suites.entrySet()) {
        suite(xml, suite.getKey(), suite.getValue());
      }
      end(xml, 0);
      xml.writeEndDocument();
      xml.close();
    } catch (XMLStreamException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static void suite(XMLStreamWriter xml, Path file, List<CaseResult> results)
      throws XMLStreamException {
    start(xml, 1, "testsuite");
    xml.writeAttribute("name", clean(file.toString()));
    xml.writeAttribute("tests", Integer.toString(results.size()));
    xml.writeAttribute("failures", count(results, false));
    xml.writeAttribute("errors", count(results, true));
    xml.writeAttribute("skipped", "0");
    xml.writeAttribute("time", seconds(results.stream().mapToLong(CaseResult::nanos).sum()));
    for (CaseResult result : results) {
      test(xml, file, result);
    }
    end(xml, 1);
  }

  private static void test(XMLStreamWriter xml, Path file, CaseResult result)
      throws XMLStreamException {
    start(xml, 2, "testcase");
    xml.writeAttribute("name", clean(result.test().name()));
    xml.writeAttribute("classname", clean(file.getFileName().toString()));
    xml.writeAttribute("time", seconds(result.nanos()));
    if (!result.passed()) {
      boolean error = result.problem() != null;
      start(xml, 3, error ? "error" : "failure");
      xml.writeAttribute("message", clean(CaseText.summary(result)));
      xml.writeAttribute("type", error ? "error" : "difference");
      xml.writeCharacters(clean(String.join("\n", CaseText.details(result))));
      xml.writeEndElement();
    }
    if (result.passed()) {
      xml.writeEndElement();
    } else {
      end(xml, 2);
    }
  }

  private static String count(List<CaseResult> results, boolean errors) {
    return Long.toString(
        results.stream()
            .filter(result -> !result.passed() && (result.problem() != null) == errors)
            .count());
  }

  private static String seconds(long nanos) {
    return String.format(Locale.ROOT, "%.6f", nanos / 1e9);
  }

  private static void start(XMLStreamWriter xml, int depth, String name) throws XMLStreamException {
    xml.writeCharacters("\n" + INDENT.repeat(depth));
    xml.writeStartElement(name);
  }

  private static void end(XMLStreamWriter xml, int depth) throws XMLStreamException {
    xml.writeCharacters("\n" + INDENT.repeat(depth));
    xml.writeEndElement();
  }

  /** Without what XML 1.0 has no way to write. */
  static String clean(String text) {
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c ->
                clean.appendCodePoint(
                    c == '\t'
                            || c == '\n'
                            || (c >= 0x20 && c <= 0xd7ff)
                            || (c >= 0xe000 && c <= 0xfffd)
                            || c >= 0x10000
                        ? c
                        : 0xfffd));
    return clean.toString();
  }
}
