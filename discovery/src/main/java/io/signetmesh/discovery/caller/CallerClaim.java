package io.signetmesh.discovery.caller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import org.jspecify.annotations.Nullable;

/**
 * What a request claims about its caller: the context token of destination requests, or the source
 * workload of policy requests. Do not trust it before {@link CallerCheck} has verified it.
 *
 * @param namespace claimed namespace; empty for none
 * @param pod claimed Pod name; null for none
 * @param externalWorkload claimed ExternalWorkload name; null for none
 * @param node claimed node name; empty for none
 */
public record CallerClaim(
    String namespace, @Nullable String pod, @Nullable String externalWorkload, String node) {
  /** Claims nothing. */
  public static final CallerClaim NONE = new CallerClaim("", null, null, "");

  private static final int MAX_LENGTH = 4096;
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(8).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * Parses a context token: JSON {@code {"ns","nodeName","pod"}} or {@code ns:<namespace>}.
   *
   * @return null when the token has another form
   */
  public static @Nullable CallerClaim ofContextToken(String token) {
    if (token.isEmpty()) {
      return NONE;
    }
    if (token.length() > MAX_LENGTH) {
      return null;
    }
    if (token.startsWith("ns:")) {
      return new CallerClaim(token.substring(3), null, null, "");
    }
    return ofJson(token);
  }

  /**
   * Parses a source workload: JSON {@code {"ns","pod"}} or {@code {"ns","external_workload"}}, or
   * {@code <namespace>:<pod>}.
   *
   * @return null when the text has another form
   */
  public static @Nullable CallerClaim ofWorkload(String workload) {
    if (workload.length() > MAX_LENGTH) {
      return null;
    }
    if (workload.startsWith("{")) {
      CallerClaim claim = ofJson(workload);
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
    return new CallerClaim(workload.substring(0, colon), workload.substring(colon + 1), null, "");
  }

  private static @Nullable CallerClaim ofJson(String text) {
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
    return new CallerClaim(
        root.path("ns").asText(""),
        pod.isEmpty() ? null : pod,
        external.isEmpty() ? null : external,
        root.path("nodeName").asText(""));
  }
}
