package io.signetmesh.cli.simulate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Formats findings as JSON. */
public final class FindingJson {
  private static final Pattern ORIGIN = Pattern.compile("(.*):([0-9]+):([0-9]+)", Pattern.DOTALL);

  private FindingJson() {}

  /** Appends a finding to an array. */
  public static void add(ArrayNode list, PortFinding finding) {
    ObjectNode node = list.addObject();
    node.put("severity", finding.severity());
    node.put("rule", finding.rule());
    Matcher place = ORIGIN.matcher(finding.origin());
    if (place.matches()) {
      node.put("file", place.group(1));
      node.put("line", Integer.parseInt(place.group(2)));
      node.put("column", Integer.parseInt(place.group(3)));
    }
    if (!finding.kind().isEmpty()) {
      node.putObject("object")
          .put("group", finding.group())
          .put("kind", finding.kind())
          .put("namespace", finding.namespace())
          .put("name", finding.name());
    }
    if (!finding.field().isEmpty()) {
      node.put("field", finding.field());
    }
    node.put("message", finding.message());
  }
}
