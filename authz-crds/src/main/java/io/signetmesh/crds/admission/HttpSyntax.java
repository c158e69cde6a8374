package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.route.LinearExpression;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;

/** Parts of HTTP messages, and regular expressions over them. */
final class HttpSyntax {
  private HttpSyntax() {}

  static void headerName(String name, String field, ObjectFindings findings) {
    if (!TextFormat.HTTP_TOKEN.matches(name)) {
      findings.error(
          field,
          quoted(name) + " is not a header name: expected " + TextFormat.HTTP_TOKEN.description());
    }
  }

  static void headerValue(String value, String field, List<String> from, ObjectFindings findings) {
    if (!value.chars().allMatch(c -> c == '\t' || (c >= ' ' && c <= '~'))) {
      findings.error(
          field,
          from,
          quoted(value) + " is not a header value: expected printable ASCII characters");
    }
  }

  /** Expressions are those of RE2, which no input can make slow. */
  static void regex(String expression, String field, List<String> from, ObjectFindings findings) {
    LinearExpression.problem(expression)
        .ifPresent(
            problem ->
                findings.error(
                    field,
                    from,
                    quoted(expression) + " is not a regular expression (RE2 syntax): " + problem));
  }
}
