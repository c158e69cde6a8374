package io.signetmesh.cli.identity;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.text.DurationText;
import io.signetmesh.identity.pki.Certificates;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.PublicKey;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints certificates: for people, as JSON, or as PEM. */
final class CertificatePrinter {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, String> PURPOSES =
      Map.of(
          "1.3.6.1.5.5.7.3.1", "serverAuth",
          "1.3.6.1.5.5.7.3.2", "clientAuth",
          "2.5.29.37.0", "anyExtendedKeyUsage");
  private static final List<String> USAGES =
      List.of(
          "digitalSignature",
          "nonRepudiation",
          "keyEncipherment",
          "dataEncipherment",
          "keyAgreement",
          "keyCertSign",
          "cRLSign",
          "encipherOnly",
          "decipherOnly");

  private final Instant now;

  /** Life left is told as of this time. */
  CertificatePrinter(Instant now) {
    this.now = now;
  }

  /** Prints certificates in their order. */
  void print(List<X509Certificate> certificates, CertificateFormat format, PrintWriter out)
      throws IOException {
    switch (format) {
      case PEM -> out.print(Certificates.toPem(certificates));
      case JSON ->
          out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json(certificates)));
      case TEXT -> {
        for (int i = 0; i < certificates.size(); i++) {
          if (i > 0) {
            out.println();
          }
          text(certificates.get(i), out);
        }
      }
    }
    out.flush();
  }

  /** The certificates as a JSON array. */
  ArrayNode json(List<X509Certificate> certificates) {
    ArrayNode array = JSON.createArrayNode();
    for (X509Certificate certificate : certificates) {
      ObjectNode node = array.addObject();
      node.put("subject", certificate.getSubjectX500Principal().getName());
      node.put("issuer", certificate.getIssuerX500Principal().getName());
      node.put("serial", Certificates.serial(certificate));
      ArrayNode names = node.putArray("subjectAlternativeNames");
      for (AlternativeName name : alternativeNames(certificate)) {
        names.addObject().put("type", name.type).put("value", name.value);
      }
      node.put("notBefore", certificate.getNotBefore().toInstant().toString());
      node.put("notAfter", certificate.getNotAfter().toInstant().toString());
      node.put(
          "secondsLeft", Duration.between(now, certificate.getNotAfter().toInstant()).toSeconds());
      node.put("key", key(certificate.getPublicKey()));
      node.put("signature", certificate.getSigAlgName());
      node.put("ca", certificate.getBasicConstraints() >= 0);
      if (certificate.getBasicConstraints() >= 0
          && certificate.getBasicConstraints() < Integer.MAX_VALUE) {
        node.put("pathLength", certificate.getBasicConstraints());
      }
      usages(certificate).forEach(node.putArray("keyUsage")::add);
      purposes(certificate).forEach(node.putArray("extendedKeyUsage")::add);
      node.put("sha256", HexFormat.of().formatHex(Certificates.sha256(certificate)));
      node.put(
          "keySha256", HexFormat.of().formatHex(Certificates.sha256(certificate.getPublicKey())));
    }
    return array;
  }

  private void text(X509Certificate certificate, PrintWriter out) {
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("Subject", certificate.getSubjectX500Principal().getName());
    List<String> names = new ArrayList<>();
    for (AlternativeName name : alternativeNames(certificate)) {
      names.add(name.type + " " + name.value);
    }
    if (!names.isEmpty()) {
      lines.put("Names", String.join(", ", names));
    }
    lines.put("Issuer", certificate.getIssuerX500Principal().getName());
    lines.put("Serial", Certificates.serial(certificate));
    lines.put(
        "Valid",
        certificate.getNotBefore().toInstant()
            + " to "
            + certificate.getNotAfter().toInstant()
            + " ("
            + lifeLeft(certificate)
            + ")");
    lines.put(
        "Key", key(certificate.getPublicKey()) + ", signed with " + certificate.getSigAlgName());
    List<String> usage = new ArrayList<>(usages(certificate));
    usage.addAll(purposes(certificate));
    int pathLength = certificate.getBasicConstraints();
    if (pathLength >= 0) {
      usage.addFirst(
          pathLength == Integer.MAX_VALUE
              ? "CA"
              : "CA with at most " + pathLength + " CAs below it");
    }
    lines.put("Usage", usage.isEmpty() ? "not limited" : String.join(", ", usage));
    lines.put("SHA-256", HexFormat.of().formatHex(Certificates.sha256(certificate)));
    lines.put(
        "Key SHA-256", HexFormat.of().formatHex(Certificates.sha256(certificate.getPublicKey())));
    lines.forEach((label, value) -> out.printf("%-12s %s%n", label, value));
  }

  /** How long a certificate is still good for, in words. */
  String lifeLeft(X509Certificate certificate) {
    Instant start = certificate.getNotBefore().toInstant();
    Instant end = certificate.getNotAfter().toInstant();
    if (now.isAfter(end)) {
      return "expired " + DurationText.words(Duration.between(end, now)) + " ago";
    }
    return now.isBefore(start)
        ? "not valid for another " + DurationText.words(Duration.between(now, start))
        : DurationText.words(Duration.between(now, end)) + " left";
  }

  /** Kind and size of a public key. */
  static String key(PublicKey key) {
    return switch (key) {
      case ECPublicKey ec -> "ECDSA P-" + ec.getParams().getCurve().getField().getFieldSize();
      case RSAPublicKey rsa -> "RSA " + rsa.getModulus().bitLength();
      case EdECPublicKey ed -> ed.getParams().getName();
      default -> key.getAlgorithm();
    };
  }

  private record AlternativeName(String type, String value) {}

  private static List<AlternativeName> alternativeNames(X509Certificate certificate) {
    List<AlternativeName> names = new ArrayList<>();
    Collection<List<?>> alternatives;
    try {
      alternatives = certificate.getSubjectAlternativeNames();
    } catch (CertificateParsingException e) {
      return List.of(new AlternativeName("unreadable", String.valueOf(e.getMessage())));
    }
    if (alternatives != null) {
      for (List<?> alternative : alternatives) {
        String type =
            switch ((Integer) alternative.get(0)) {
              case 1 -> "email";
              case 2 -> "DNS";
              case 6 -> "URI";
              case 7 -> "IP";
              default -> "type " + alternative.get(0);
            };
        names.add(
            new AlternativeName(
                type,
                alternative.get(1) instanceof byte[] bytes
                    ? HexFormat.of().formatHex(bytes)
                    : String.valueOf(alternative.get(1))));
      }
    }
    return names;
  }

  private static List<String> usages(X509Certificate certificate) {
    List<String> names = new ArrayList<>();
    boolean[] usage = certificate.getKeyUsage();
    if (usage != null) {
      for (int i = 0; i < usage.length && i < USAGES.size(); i++) {
        if (usage[i]) {
          names.add(USAGES.get(i));
        }
      }
    }
    return names;
  }

  private static List<String> purposes(X509Certificate certificate) {
    try {
      List<String> purposes = certificate.getExtendedKeyUsage();
      return purposes == null
          ? List.of()
          : purposes.stream().map(oid -> PURPOSES.getOrDefault(oid, oid)).toList();
    } catch (CertificateParsingException e) {
      return List.of("unreadable");
    }
  }
}
