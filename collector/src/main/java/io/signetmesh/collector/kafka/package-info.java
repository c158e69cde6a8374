/** Takes entries of the log to a topic of Apache Kafka. Nothing else uses Kafka's client. */
@NullMarked
package io.signetmesh.collector.kafka;

import org.jspecify.annotations.NullMarked;
