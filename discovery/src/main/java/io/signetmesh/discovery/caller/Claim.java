package io.signetmesh.discovery.caller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import org.jspecify.annotations.Nullable;

/**
 * What a question says about who asks: the context token of destination requests and the source
 * workload of policy requests. Nothing of it is true until {@link CallerCheck} has looked at it.
 *
 * @param namespace namespace; empty when nothing is claimed
 * @param pod pod name; null when none is claimed
 * @param externalWorkload name of an external workload; null when none is claimed
 * @param node node name; empty when none is claimed
 */
public record Claim(
    String namespace, @Nullable String pod, @Nullable String externalWorkload, String node) {
  /** Claims nothing. */
  public static final Claim NONE = new Claim("", null, null, "");

  private static final int MAX_LENGTH = 4096;
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(8).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * Reads a context token: JSON {@code {"ns","nodeName","pod"}} or {@code ns:<namespace>}.
   *
   * @return null when the token has neither form
   */
  public static @Nullable Claim ofContextToken(String token) {
    if (token.isEmpty()) {
      return NONE;
    }
    if (token.length() > MAX_LENGTH) {
      return null;
    }
    if (token.startsWith("ns:")) {
      return new Claim(token.substring(3), null, null, "");
    }
    return ofJson(token);
  }

  /**
   * Reads a workload: JSON {@code {"ns","pod"}} or {@code {"ns","external_workload"}}, or {@code
   * <namespace>:<pod>}.
   *
   * @return null when the text has neither form
   */
  public static @Nullable Claim ofWorkload(String workload) {
    if (workload.length() > MAX_LENGTH) {
      return null;
    }
    if (workload.startsWith("{")) {
      Claim claim = ofJson(workload);
      boolean one =
          claim != null
              && !claim.namespace.isEmpty()
              && (claim.pod == null) != (claim.externalWorkload == null);
      return one ? claim : null;
    }
    int colon = workload.indexOf(':');
    if (colon <= 0 || colon == workload.length() - 1) {
      return null;
    }
    return new Claim(workload.substring(0, colon), workload.substring(colon + 1), null, "");
  }

  private static @Nullable Claim ofJson(String text) {
    JsonNode root;
    try {
      root = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return null;
    }
    if (!root.isObject()) {
      return null;
    }
    String pod = root.path("pod").asText("");
    String external = root.path("external_workload").asText("");
    return new Claim(
        root.path("ns").asText(""),
        pod.isEmpty() ? null : pod,
        external.isEmpty() ? null : external,
        root.path("nodeName").asText(""));
  }
}
