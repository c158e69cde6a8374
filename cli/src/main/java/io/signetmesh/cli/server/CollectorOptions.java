package io.signetmesh.cli.server;

import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.controlplane.CollectorSettings;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.collector.CollectorServer;
import io.signetmesh.collector.ingest.CollectorService;
import io.signetmesh.collector.kafka.KafkaSettings;
import io.signetmesh.collector.kafka.KafkaTopic;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.Retention;
import io.signetmesh.collector.witness.WitnessClient;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** How an audit collector keeps its log. */
final class CollectorOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--audit-origin",
      paramLabel = "NAME",
      description =
          "Name of the audit log, in its checkpoints and its key (default: the trust domain and"
              + " /signet-audit). A log keeps its name.")
  private @Nullable String origin;

  @Option(
      names = "--audit-fsync",
      paramLabel = "WHEN",
      defaultValue = "batch",
      description = {
        "When audit records are on the disk, and acknowledged: batch, as soon as it is free; second,"
            + " together once a second; os, when the operating system writes them, which a power"
            + " failure does not survive (default: ${DEFAULT-VALUE})."
      })
  private FsyncPolicy fsync = FsyncPolicy.BATCH;

  @Option(
      names = "--audit-keep",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description = "How long audit records are kept, e.g. 90d (default: for ever).")
  private @Nullable Duration age;

  @Option(
      names = "--audit-keep-size",
      paramLabel = "SIZE",
      converter = Sizes.class,
      description =
          "How much of audit records is kept, e.g. 50GiB; the oldest ones go first (default:"
              + " everything, with signet up 10GiB).")
  private @Nullable Long bytes;

  @Option(
      names = "--writer-rate",
      paramLabel = "SIZE",
      converter = Sizes.class,
      defaultValue = "4MiB",
      description =
          "How much each writer may deliver in a second, after a burst of 16 times that; it is not"
              + " asked for more meanwhile (default: ${DEFAULT-VALUE}).")
  private long writerRate = CollectorService.WRITER_RATE;

  @Option(
      names = "--witness",
      paramLabel = "URL",
      converter = AdminOptions.Urls.class,
      description =
          "Have a witness cosign the checkpoints of the audit log (c2sp.org/tlog-witness), e.g."
              + " https://witness.example/ (default: nobody).")
  private @Nullable URI witness;

  @Option(
      names = "--witness-key",
      paramLabel = "VKEY",
      converter = Keys.class,
      description = "Verifier key of the witness, name+id+key.")
  private @Nullable NoteKey witnessKey;

  @Option(
      names = "--kafka",
      paramLabel = "URL",
      converter = Topics.class,
      description =
          "Take the audit log to a topic of Apache Kafka, e.g. kafka://broker.example:9092/audit;"
              + " more brokers behind commas (default: nowhere).")
  private @Nullable KafkaTopic kafka;

  @Option(
      names = "--kafka-properties",
      paramLabel = "FILE",
      description =
          "How the brokers are talked to, with the names of Kafka's client: TLS, passwords,"
              + " compression; mode 0600 (default: in clear text, to a loopback address only).")
  private @Nullable Path kafkaProperties;

  @Option(
      names = "--no-audit-index",
      description =
          "Keep no index beside the audit log. Queries read all of it then, unless 'signet audit"
              + " index' makes one.")
  private boolean withoutIndex;

  @Option(
      names = "--start-without-witness",
      description = {
        "Take records also while the witness has not confirmed that the log is the newest state of"
            + " it (default: none before, so that an older state that was brought back does not go"
            + " on)."
      })
  private boolean startWithoutWitness;

  /**
   * The settings of a log.
   *
   * @param directory of the log and its key
   * @param most bytes of records that are kept, unless it is said otherwise
   * @throws CommandFailure when the properties for Kafka cannot be used
   */
  CollectorSettings settings(Path directory, MeshNames names, long most) throws CommandFailure {
    return new CollectorSettings(
        directory,
        origin == null ? CollectorServer.defaultOrigin(names.trustDomain()) : origin,
        fsync,
        new Retention(age, bytes == null ? most : bytes),
        writerRate,
        witness(),
        kafka(),
        !withoutIndex);
  }

  private @Nullable KafkaSettings kafka() throws CommandFailure {
    if (kafka == null) {
      if (kafkaProperties != null) {
        throw new ParameterException(spec.commandLine(), "--kafka-properties goes with --kafka");
      }
      return null;
    }
    try {
      return KafkaSettings.read(kafka, kafkaProperties);
    } catch (IOException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  /** Reads topics. */
  static final class Topics implements ITypeConverter<KafkaTopic> {
    @Override
    public KafkaTopic convert(String text) {
      try {
        return KafkaTopic.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  private WitnessClient.@Nullable Config witness() {
    if (witness == null && witnessKey == null) {
      if (startWithoutWitness) {
        throw new ParameterException(
            spec.commandLine(), "--start-without-witness: expected --witness and --witness-key");
      }
      return null;
    }
    if (witness == null || witnessKey == null) {
      throw new ParameterException(spec.commandLine(), "expected --witness and --witness-key");
    }
    try {
      return new WitnessClient.Config(witness, witnessKey, !startWithoutWitness);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--witness-key: " + e.getMessage(), e);
    }
  }

  /** Reads verifier keys. */
  static final class Keys implements ITypeConverter<NoteKey> {
    @Override
    public NoteKey convert(String text) {
      try {
        return NoteKey.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  /** Reads sizes: a number of up to 12 digits and B, KiB, MiB, GiB or TiB. */
  static final class Sizes implements ITypeConverter<Long> {
    private static final Pattern FORM = Pattern.compile("([1-9][0-9]{0,11})(B|KiB|MiB|GiB|TiB)");

    @Override
    public Long convert(String text) {
      Matcher matcher = FORM.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "'" + text + "' is no size: expected a number and B, KiB, MiB, GiB or TiB, e.g. 50GiB");
      }
      long unit =
          switch (matcher.group(2)) {
            case "KiB" -> 1L << 10;
            case "MiB" -> 1L << 20;
            case "GiB" -> 1L << 30;
            case "TiB" -> 1L << 40;
            default -> 1L;
          };
      try {
        return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
      } catch (ArithmeticException e) {
        throw new TypeConversionException("'" + text + "' is too much: expected less than 8 EiB");
      }
    }
  }
}
