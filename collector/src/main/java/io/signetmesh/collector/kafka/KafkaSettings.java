package io.signetmesh.collector.kafka;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A topic, and how its brokers are talked to: as a file says, with the names of Kafka's client, or
 * in clear text. Brokers that are not on a loopback address get clear text only when the file says
 * it. Names that are not known are refused: some load classes, and some turn off what verifies a
 * broker.
 */
public final class KafkaSettings {
  private static final String PROTOCOL = "security.protocol";
  private static final String MECHANISM = "sasl.mechanism";
  private static final String LOGIN = "sasl.jaas.config";
  private static final String COMPRESSION = "compression.type";
  private static final String KEYS = "ssl.keystore.location";
  private static final Set<String> MECHANISMS = Set.of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512");
  private static final Pattern LOGIN_MODULE =
      Pattern.compile(
          "org\\.apache\\.kafka\\.common\\.security\\.(plain\\.PlainLoginModule"
              + "|scram\\.ScramLoginModule)\\s+required\\s[^;]*;\\s*");
  private static final Set<String> KNOWN =
      Set.of(
          PROTOCOL,
          MECHANISM,
          LOGIN,
          COMPRESSION,
          KEYS,
          "client.id",
          "ssl.truststore.location",
          "ssl.truststore.password",
          "ssl.truststore.type",
          "ssl.truststore.certificates",
          "ssl.keystore.password",
          "ssl.keystore.type",
          "ssl.keystore.key",
          "ssl.keystore.certificate.chain",
          "ssl.key.password");
  private static final int MAX_BYTES = 64 * 1024;

  private final KafkaTopic topic;
  private final Map<String, String> properties;

  private KafkaSettings(KafkaTopic topic, Map<String, String> properties) {
    this.topic = topic;
    this.properties = properties;
  }

  /**
   * Reads a file of properties.
   *
   * @param file null for none
   * @throws IOException when it cannot be read, is open to others, or has a property that is not
   *     known or would send records or secrets to whom nobody has verified; or when brokers that
   *     are not on a loopback address would get clear text, and the file does not say so
   */
  public static KafkaSettings read(KafkaTopic topic, @Nullable Path file) throws IOException {
    if (file == null) {
      requireExplicit(topic, "there is no file of properties (--kafka-properties)", Map.of());
      return new KafkaSettings(topic, Map.of());
    }
    String text;
    try {
      StateFiles.requireSecret(file);
      byte[] bytes;
      try (InputStream in = Files.newInputStream(file)) {
        bytes = in.readNBytes(MAX_BYTES + 1);
      }
      if (bytes.length > MAX_BYTES) {
        throw new IOException(file + " has more than " + MAX_BYTES + " bytes");
      }
      text = new String(bytes, StandardCharsets.UTF_8);
    } catch (PkiException e) {
      throw new IOException(e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new IOException(file + " does not exist: expected properties of Kafka's client", e);
    }
    Properties read = new Properties();
    try {
      read.load(new StringReader(text));
    } catch (IllegalArgumentException e) {
      // Without what it says: it may quote a secret.
      throw new IOException(file + " is no file of properties");
    }
    Map<String, String> properties = new TreeMap<>();
    for (String name : read.stringPropertyNames()) {
      properties.put(name, read.getProperty(name).strip());
    }
    requireGood(file, properties);
    requireExplicit(topic, file + " has no " + PROTOCOL, properties);
    return new KafkaSettings(topic, Map.copyOf(properties));
  }

  private static void requireExplicit(
      KafkaTopic topic, String lacking, Map<String, String> properties) throws IOException {
    if (!properties.containsKey(PROTOCOL) && !topic.isLoopback()) {
      throw new IOException(
          topic
              + " is not on a loopback address, and "
              + lacking
              + ": expected "
              + PROTOCOL
              + "=SSL or SASL_SSL, or "
              + PROTOCOL
              + "=PLAINTEXT to send records in clear text to whoever answers");
    }
  }

  private static void requireGood(Path file, Map<String, String> properties) throws IOException {
    for (String name : properties.keySet()) {
      if (!KNOWN.contains(name)) {
        throw new IOException(
            file + ": '" + name + "' is not known: expected one of " + sorted(KNOWN));
      }
    }
    String protocol = properties.getOrDefault(PROTOCOL, "PLAINTEXT");
    if (!Set.of("PLAINTEXT", "SSL", "SASL_SSL").contains(protocol)) {
      throw new IOException(
          file
              + ": "
              + PROTOCOL
              + " is '"
              + protocol
              + "': expected PLAINTEXT, SSL or SASL_SSL; passwords are sent over TLS only");
    }
    for (String name : properties.keySet()) {
      boolean isTls = name.startsWith("ssl.");
      boolean isLogin = name.startsWith("sasl.");
      if ((isTls && protocol.equals("PLAINTEXT")) || (isLogin && !protocol.equals("SASL_SSL"))) {
        throw new IOException(
            file
                + ": "
                + name
                + " has no effect with "
                + PROTOCOL
                + " "
                + protocol
                + ": expected "
                + (isLogin ? "SASL_SSL" : "SSL or SASL_SSL"));
      }
    }
    if (protocol.equals("SASL_SSL")) {
      if (!MECHANISMS.contains(properties.getOrDefault(MECHANISM, ""))) {
        throw new IOException(
            file + ": expected " + MECHANISM + " with one of " + sorted(MECHANISMS));
      }
      if (!LOGIN_MODULE.matcher(properties.getOrDefault(LOGIN, "")).matches()) {
        throw new IOException(
            file
                + ": expected "
                + LOGIN
                + " with one PlainLoginModule or ScramLoginModule of Kafka, required, and a"
                + " semicolon at the end");
      }
    }
    String compression = properties.getOrDefault(COMPRESSION, "none");
    if (!Set.of("none", "gzip").contains(compression)) {
      throw new IOException(
          file + ": " + COMPRESSION + " is '" + compression + "': expected none or gzip");
    }
    if (properties.containsKey(KEYS)) {
      try {
        StateFiles.requireSecret(Path.of(properties.get(KEYS)));
      } catch (PkiException e) {
        throw new IOException(file + ": " + KEYS + ": " + e.getMessage(), e);
      }
    }
  }

  private static String sorted(Set<String> names) {
    return String.join(", ", new TreeSet<>(names));
  }

  /** The topic. */
  public KafkaTopic topic() {
    return topic;
  }

  /** Properties of the file, with secrets. */
  Map<String, String> properties() {
    return properties;
  }

  /** Without secrets. */
  @Override
  public String toString() {
    return topic.toString();
  }
}
