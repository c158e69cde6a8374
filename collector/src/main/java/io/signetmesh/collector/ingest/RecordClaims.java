package io.signetmesh.collector.ingest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Whom a record is about, by what it says.
 *
 * @param workloads workloads that it has decisions or gaps of; an empty name for a decision that
 *     names none
 * @param administrative whether it is an act of the control plane
 */
record RecordClaims(List<String> workloads, boolean administrative) {
  /** Names are the senders' to choose: none of them is kept. */
  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(32).build())
          .build();

  /**
   * Reads a record that was found to be an object of JSON.
   *
   * @throws IOException when it is none
   */
  static RecordClaims of(byte[] line) throws IOException {
    List<String> workloads = new ArrayList<>(1);
    boolean administrative = false;
    try (JsonParser parser = JSON.createParser(line)) {
      parser.nextToken();
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        JsonToken value = parser.nextToken();
        switch (name) {
          case "decision" -> workloads.add(workload(parser, value));
          case "gap" -> {
            String workload = workload(parser, value);
            // Of no workload: of the control plane's records, or a line that was torn.
            if (!workload.isEmpty()) {
              workloads.add(workload);
            }
          }
          case "administrative" -> {
            administrative = true;
            parser.skipChildren();
          }
          default -> parser.skipChildren();
        }
      }
    }
    return new RecordClaims(workloads, administrative);
  }

  private static String workload(JsonParser parser, JsonToken value) throws IOException {
    String workload = "";
    if (value != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return workload;
    }
    for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
      JsonToken token = parser.nextToken();
      if (name.equals("workload") && token == JsonToken.VALUE_STRING) {
        workload = parser.getText();
      } else {
        parser.skipChildren();
      }
    }
    return workload;
  }
}
