package io.signetmesh.collector.kafka;

import org.jspecify.annotations.Nullable;

/**
 * A topic as its brokers know it. One of the same name that was made anew, or in another cluster,
 * is another place.
 *
 * @param cluster id of the cluster
 * @param topicId id of the topic
 * @param cleanup what the brokers do with old messages ({@code cleanup.policy}); null when they do
 *     not say it
 */
record KafkaPlace(String cluster, String topicId, @Nullable String cleanup) {
  /** As a cursor has it. */
  String name() {
    return "cluster " + cluster + ", topic id " + topicId;
  }

  /** What is to be told to the operator about the topic; null for nothing. */
  @Nullable String warning(KafkaTopic topic) {
    if (cleanup == null) {
      return "the brokers do not say the cleanup.policy of "
          + topic
          + ": expected delete; with compact they remove entries";
    }
    return cleanup.equals("delete")
        ? null
        : "cleanup.policy of "
            + topic
            + " is '"
            + cleanup
            + "': expected delete; a compacted topic keeps the last entry of a workload only";
  }
}
