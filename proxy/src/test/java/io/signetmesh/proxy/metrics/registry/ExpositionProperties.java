package io.signetmesh.proxy.metrics.registry;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

final class ExpositionProperties {
  @Property
  void anyLabelValueStaysOnItsLineAndReadsBack(@ForAll String value) {
    String text = Labels.of("sni", value).text();
    assertThat(text).startsWith("sni=\"").endsWith("\"").doesNotContain("\n");
    assertThat(unescape(text.substring(5, text.length() - 1))).isEqualTo(value);
  }

  @Property
  void everyDurationFallsIntoTheFirstBucketThatHoldsIt(@ForAll long nanos) {
    Buckets buckets = Buckets.LATENCY_MS;
    long value = Math.max(0, nanos);
    int index = buckets.indexOf(value);
    if (index < buckets.size()) {
      assertThat(value / 1e6).isLessThanOrEqualTo(buckets.bound(index));
    }
    if (index > 0) {
      assertThat(value).isGreaterThan((long) (buckets.bound(index - 1) * 1_000_000));
    }
  }

  private static String unescape(String text) {
    StringBuilder plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      assertThat(c).isNotEqualTo('"');
      if (c == '\\') {
        char next = text.charAt(++i);
        if (next == '"') {
          plain.append('"');
        } else {
          plain.append(next == 'n' ? '\n' : next);
        }
      } else {
        plain.append(c);
      }
    }
    return plain.toString();
  }
}
