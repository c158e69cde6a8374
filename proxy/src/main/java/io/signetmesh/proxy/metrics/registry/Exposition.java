package io.signetmesh.proxy.metrics.registry;

import java.io.IOException;

/** Writes metrics in one of the text formats. */
public final class Exposition {
  private final Appendable out;
  private final Format format;
  private String shared = "";
  private String family = "";

  Exposition(Appendable out, Format format) {
    this.out = out;
    this.format = format;
  }

  /** A text format of metrics. */
  public enum Format {
    /** Prometheus text format 0.0.4. */
    PROMETHEUS_TEXT("text/plain; version=0.0.4; charset=utf-8"),
    /** OpenMetrics 1.0.0, section "Text format". */
    OPENMETRICS("application/openmetrics-text; version=1.0.0; charset=utf-8");

    private final String contentType;

    Format(String contentType) {
      this.contentType = contentType;
    }

    /** Value of the {@code Content-Type} header. */
    public String contentType() {
      return contentType;
    }
  }

  /** Labels that all samples have from now on besides their own; empty for none. */
  void shared(Labels labels) {
    shared = labels.text();
  }

  /** Begins a family; its samples follow. What has begun is not begun again. */
  void family(String name, String help, MetricType type) throws IOException {
    if (name.equals(family)) {
      return;
    }
    family = name;
    String shown =
        format == Format.OPENMETRICS && type == MetricType.COUNTER && name.endsWith("_total")
            ? name.substring(0, name.length() - "_total".length())
            : name;
    out.append("# HELP ").append(shown).append(' ');
    escapeHelp(help);
    out.append("\n# TYPE ").append(shown).append(' ').append(type.label()).append('\n');
  }

  private void escapeHelp(String help) throws IOException {
    for (int i = 0; i < help.length(); i++) {
      char c = help.charAt(i);
      switch (c) {
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '"' -> out.append(format == Format.OPENMETRICS ? "\\\"" : "\"");
        default -> out.append(c);
      }
    }
  }

  /** A sample of a collector: {@code labels} may be {@link Labels#none()}. */
  public void sample(String name, Labels labels, double value) throws IOException {
    begin(name, "", labels.text());
    out.append(number(value)).append('\n');
  }

  void sample(String name, String labels, long value) throws IOException {
    begin(name, "", labels);
    out.append(Long.toString(value)).append('\n');
  }

  void histogram(String name, String labels, Histogram histogram) throws IOException {
    Buckets buckets = histogram.buckets();
    long cumulative = 0;
    for (int i = 0; i <= buckets.size(); i++) {
      cumulative += histogram.count(i);
      String bound = i == buckets.size() ? "+Inf" : bound(buckets.bound(i));
      out.append(name).append("_bucket{").append(shared);
      separate(shared);
      out.append(labels);
      separate(labels);
      out.append("le=\"").append(bound).append("\"} ");
      out.append(Long.toString(cumulative)).append('\n');
    }
    begin(name, "_count", labels);
    out.append(Long.toString(cumulative)).append('\n');
    begin(name, "_sum", labels);
    out.append(number(histogram.sum())).append('\n');
  }

  void end() throws IOException {
    if (format == Format.OPENMETRICS) {
      out.append("# EOF\n");
    }
  }

  private void begin(String name, String suffix, String labels) throws IOException {
    out.append(name).append(suffix);
    if (!labels.isEmpty() || !shared.isEmpty()) {
      out.append('{').append(shared);
      if (!labels.isEmpty()) {
        separate(shared);
      }
      out.append(labels).append('}');
    }
    out.append(' ');
  }

  private void separate(String before) throws IOException {
    if (!before.isEmpty()) {
      out.append(',');
    }
  }

  /**
   * OpenMetrics wants bounds as floats, so {@code 1.0}; the older format has always had {@code 1}.
   */
  private String bound(double value) {
    return format == Format.OPENMETRICS ? Double.toString(value) : number(value);
  }

  private static String number(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "+Inf" : "-Inf";
    }
    long whole = (long) value;
    return whole == value ? Long.toString(whole) : Double.toString(value);
  }
}
