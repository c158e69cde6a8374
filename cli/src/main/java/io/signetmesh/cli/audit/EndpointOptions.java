package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.collector.export.OtlpGrpc;
import io.signetmesh.collector.export.OtlpHttp;
import io.signetmesh.collector.export.OtlpTransport;
import io.signetmesh.collector.export.ReceiverAuthorities;
import io.signetmesh.collector.kafka.KafkaSettings;
import io.signetmesh.collector.kafka.KafkaTopic;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where an export is delivered to over the network. */
final class EndpointOptions {
  private static final Set<String> TLS = Set.of("https", "grpcs");
  private static final Set<String> GRPC = Set.of("grpc", "grpcs");
  private static final Set<String> HTTP = Set.of("http", "https");
  private static final int MAX_HEADERS = 64 * 1024;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description = {
        "Where to deliver to: an OpenTelemetry receiver, such as http://localhost:4318/v1/logs"
            + " (OTLP/HTTP, or https) or grpc://localhost:4317 (OTLP/gRPC, or grpcs for TLS); or a"
            + " topic, kafka://HOST:PORT[,HOST:PORT...]/TOPIC, which gets each entry exactly as the"
            + " log holds it."
      })
  private @Nullable String endpoint;

  @Option(
      names = "--headers-file",
      paramLabel = "FILE",
      description = "Headers for the receiver, such as Authorization, a line each; mode 0600.")
  private @Nullable Path headers;

  @Option(
      names = "--ca-file",
      paramLabel = "FILE",
      description =
          "Who signs the certificate of the receiver, in PEM (default: whom the JDK trusts).")
  private @Nullable Path authorities;

  @Option(
      names = "--kafka-properties",
      paramLabel = "FILE",
      description =
          "How Kafka's brokers are talked to, with the names of Kafka's client: TLS, passwords,"
              + " compression; mode 0600 (default: in clear text, to a loopback address only).")
  private @Nullable Path kafkaProperties;

  /** Whether there is an endpoint. */
  boolean isGiven() {
    return endpoint != null;
  }

  /**
   * Refuses options that do not go together.
   *
   * @param isOtlp whether the format is that of OpenTelemetry
   * @param isDefault whether it is the default
   * @param isFile whether the export goes to a file
   */
  void require(boolean isOtlp, boolean isDefault, boolean isFile) {
    boolean isTopic = endpoint != null && KafkaTopic.isMeant(endpoint);
    if (isTopic && (!isDefault || isFile)) {
      throw usage("a topic gets entries as the log holds them: expected no --format, and no --to");
    }
    if (endpoint != null && !isTopic && (!isOtlp || isFile)) {
      throw usage("--endpoint goes with --format otlp, and not with --to");
    }
    if ((headers != null || authorities != null) && (endpoint == null || isTopic)) {
      throw usage("--headers-file and --ca-file go with --endpoint of an OpenTelemetry receiver");
    }
    if (kafkaProperties != null && !isTopic) {
      throw usage("--kafka-properties goes with --endpoint kafka://HOST:PORT/TOPIC");
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /**
   * The topic that is delivered to; null when it is none.
   *
   * @throws CommandFailure when its properties cannot be used
   */
  @Nullable KafkaSettings kafka() throws CommandFailure {
    if (endpoint == null || !KafkaTopic.isMeant(endpoint)) {
      return null;
    }
    try {
      return KafkaSettings.read(KafkaTopic.parse(endpoint), kafkaProperties);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * The OpenTelemetry receiver that is delivered to; null when it is none.
   *
   * @throws CommandFailure when its headers or authorities cannot be used
   */
  @Nullable OtlpTransport receiver() throws CommandFailure {
    if (endpoint == null || KafkaTopic.isMeant(endpoint)) {
      return null;
    }
    URI uri = uri(endpoint);
    boolean isTls = TLS.contains(uri.getScheme());
    if (authorities != null && !isTls) {
      throw usage("--ca-file goes with an endpoint by TLS, https or grpcs");
    }
    if (headers != null && !isTls && !isLoopback(uri.getHost())) {
      throw usage(
          "--headers-file has secrets, and " + uri + " is not by TLS: expected https or grpcs");
    }
    try {
      ReceiverAuthorities trusted =
          authorities == null ? null : ReceiverAuthorities.read(authorities);
      return GRPC.contains(uri.getScheme())
          ? new OtlpGrpc(uri, headers(), trusted)
          : new OtlpHttp(uri, headers(), trusted);
    } catch (IOException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
  }

  private static boolean isLoopback(String host) {
    return host.equals("localhost") || host.equals("[::1]") || host.matches("127(\\.[0-9]+){3}");
  }

  private URI uri(String text) {
    try {
      URI uri = URI.create(text);
      boolean isHttp = HTTP.contains(uri.getScheme());
      boolean isGrpc =
          GRPC.contains(uri.getScheme())
              && uri.getPort() > 0
              && uri.getPath().isEmpty()
              && uri.getQuery() == null;
      if (uri.getHost() != null
          && uri.getUserInfo() == null
          && uri.getFragment() == null
          && (isHttp || isGrpc)) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Told below.
    }
    throw usage(
        "the endpoint is none: expected http://HOST:PORT/v1/logs, https, grpc://HOST:PORT, grpcs or"
            + " kafka://HOST:PORT/TOPIC, without a password: that goes into --headers-file");
  }

  private Map<String, String> headers() throws IOException {
    Map<String, String> all = new TreeMap<>();
    if (headers == null) {
      return all;
    }
    try {
      StateFiles.requireSecret(headers);
    } catch (PkiException e) {
      throw new IOException(e.getMessage(), e);
    }
    if (Files.size(headers) > MAX_HEADERS) {
      throw new IOException(headers + " has more than " + MAX_HEADERS + " bytes");
    }
    int number = 0;
    for (String line : Files.readAllLines(headers)) {
      number++;
      int colon = line.indexOf(':');
      if (line.isBlank()) {
        continue;
      }
      if (colon < 1) {
        throw new IOException(
            headers + ", line " + number + ": expected a header, as in NAME: VALUE");
      }
      all.put(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
    }
    return all;
  }
}
