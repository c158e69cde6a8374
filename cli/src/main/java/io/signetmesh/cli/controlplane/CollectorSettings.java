package io.signetmesh.cli.controlplane;

import io.signetmesh.collector.kafka.KafkaSettings;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.collector.witness.WitnessClient;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How an audit collector keeps its log.
 *
 * @param directory of the log and its key
 * @param origin name of the log
 * @param fsync when records are durable
 * @param retention how long entries are kept
 * @param writerRate bytes a second that each writer may deliver
 * @param witness who cosigns checkpoints; null for nobody
 * @param kafka topic that the log is taken to; null for none
 * @param hasIndex whether an index is kept beside the log
 */
public record CollectorSettings(
    Path directory,
    String origin,
    FsyncPolicy fsync,
    Retention retention,
    long writerRate,
    WitnessClient.@Nullable Config witness,
    @Nullable KafkaSettings kafka,
    boolean hasIndex) {}
