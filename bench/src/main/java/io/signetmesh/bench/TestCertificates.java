package io.signetmesh.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A CA and the certificates of two proxies, P-256, made by openssl for one run. */
record TestCertificates(Path anchor, Path client, Path server, Path clientKey) {
  static final Tool TOOL = new Tool("openssl", "openssl");
  static final String SERVER_NAME = "web.bench.test";

  static TestCertificates make(Path directory) throws IOException, InterruptedException {
    Path log = directory.resolve("openssl.log");
    Path ca = directory.resolve("ca.pem");
    Path caKey = directory.resolve("ca.key");
    openssl(
        log,
        List.of(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=bench anchor",
            "-keyout",
            caKey.toString(),
            "-out",
            ca.toString()));
    Path server = leaf(directory, log, "server", SERVER_NAME);
    Path client = leaf(directory, log, "client", "client.bench.test");
    return new TestCertificates(ca, client, server, directory.resolve("client.key"));
  }

  /** A file with certificate and key, as HAProxy wants them. */
  private static Path leaf(Path directory, Path log, String name, String dnsName)
      throws IOException, InterruptedException {
    Path key = directory.resolve(name + ".key");
    Path request = directory.resolve(name + ".csr");
    Path certificate = directory.resolve(name + ".crt");
    Path extensions = directory.resolve(name + ".ext");
    Files.writeString(
        extensions,
        "subjectAltName=DNS:" + dnsName + "\nextendedKeyUsage=serverAuth,clientAuth\n",
        StandardCharsets.US_ASCII);
    openssl(
        log,
        List.of(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=" + dnsName,
            "-keyout",
            key.toString(),
            "-out",
            request.toString()));
    openssl(
        log,
        List.of(
            "x509",
            "-req",
            "-in",
            request.toString(),
            "-CA",
            directory.resolve("ca.pem").toString(),
            "-CAkey",
            directory.resolve("ca.key").toString(),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            extensions.toString(),
            "-out",
            certificate.toString()));
    Path both = directory.resolve(name + ".pem");
    Files.writeString(
        both,
        Files.readString(certificate, StandardCharsets.US_ASCII)
            + Files.readString(key, StandardCharsets.US_ASCII),
        StandardCharsets.US_ASCII);
    return both;
  }

  private static void openssl(Path log, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command = new java.util.ArrayList<>(List.of("openssl"));
    command.addAll(arguments);
    Child.output("openssl", command, Duration.ofSeconds(20), log);
  }
}
