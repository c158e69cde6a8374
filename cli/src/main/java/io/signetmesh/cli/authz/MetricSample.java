package io.signetmesh.cli.authz;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One sample of a metric.
 *
 * @param name name of the series
 * @param labels its labels
 * @param value its value
 */
record MetricSample(String name, Map<String, String> labels, double value) {
  /** Label value, empty when there is none. */
  String label(String label) {
    return labels.getOrDefault(label, "");
  }

  /**
   * Reads the Prometheus text format 0.0.4. Lines that are none are left out: a series that cannot
   * be read is one that is not known.
   */
  static List<MetricSample> parse(String text) {
    List<MetricSample> samples = new ArrayList<>();
    text.lines()
        .filter(line -> !line.isBlank() && line.charAt(0) != '#')
        .forEach(line -> new Line(line).read(samples));
    return samples;
  }

  /** A line being read. */
  private static final class Line {
    private final String text;
    private int at;

    Line(String text) {
      this.text = text;
    }

    void read(List<MetricSample> samples) {
      while (at < text.length() && text.charAt(at) != '{' && text.charAt(at) != ' ') {
        at++;
      }
      String name = text.substring(0, at);
      Map<String, String> labels = new LinkedHashMap<>();
      if (at < text.length() && text.charAt(at) == '{' && !labels(labels)) {
        return;
      }
      String[] rest = text.substring(at).strip().split(" ", 2);
      try {
        samples.add(new MetricSample(name, labels, number(rest[0])));
      } catch (NumberFormatException e) {
        // No sample.
        return;
      }
    }

    private boolean labels(Map<String, String> labels) {
      at++;
      while (at < text.length() && text.charAt(at) != '}') {
        int equals = text.indexOf("=\"", at);
        if (equals < 0) {
          return false;
        }
        String name = text.substring(at, equals).strip();
        at = equals + 2;
        StringBuilder value = new StringBuilder();
        while (at < text.length() && text.charAt(at) != '"') {
          char c = text.charAt(at++);
          if (c == '\\' && at < text.length()) {
            char escaped = text.charAt(at++);
            value.append(escaped == 'n' ? '\n' : escaped);
          } else {
            value.append(c);
          }
        }
        at++;
        labels.put(name, value.toString());
        if (at < text.length() && text.charAt(at) == ',') {
          at++;
        }
      }
      at++;
      return at <= text.length();
    }

    private static double number(String text) {
      return switch (text) {
        case "+Inf" -> Double.POSITIVE_INFINITY;
        case "-Inf" -> Double.NEGATIVE_INFINITY;
        default -> Double.parseDouble(text);
      };
    }
  }
}
