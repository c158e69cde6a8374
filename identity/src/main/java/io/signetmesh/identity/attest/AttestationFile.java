package io.signetmesh.identity.attest;

import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * Reads the file with the token issuers that an identity server accepts: YAML or JSON. Unknown
 * fields, duplicate fields and values of a wrong type are errors. Each error names the file, line,
 * field, value and the expected value.
 *
 * <pre>
 * issuers:
 * - issuer: https://kubernetes.default.svc     # claim iss
 *   keysFile: /etc/signet/cluster-keys.json    # or keysUrl, or discovery: true
 *   trustFile: /etc/signet/cluster-ca.crt      # for keysUrl and discovery
 *   audience: identity.l5d.io                  # the default
 *   algorithms: [RS256, ES256]                 # the default
 *   clockSkew: 10s
 *   refresh: 5m
 *   maxAge: 24h
 *   rules:                                     # none: subjects as Kubernetes writes them
 *   - claims: {repository: acme/shop, ref: refs/heads/main}
 *     serviceAccount: shop/deployer
 * </pre>
 */
public final class AttestationFile {
  private static final int MAX_BYTES = 256 * 1024;
  private static final int MAX_ISSUERS = 64;
  private static final int MAX_RULES = 1_000;

  private final Path file;
  private final String controlPlaneNamespace;
  private final String trustDomain;

  private AttestationFile(Path file, String controlPlaneNamespace, String trustDomain) {
    this.file = file;
    this.controlPlaneNamespace = controlPlaneNamespace;
    this.trustDomain = trustDomain;
  }

  /**
   * Reads a file.
   *
   * @param controlPlaneNamespace control-plane namespace of the identities in rules
   * @param trustDomain trust domain of the identities in rules
   * @throws IOException when the file cannot be read
   * @throws PkiException when the content is not as described above
   */
  public static List<OidcTokens.Issuer> read(
      Path file, String controlPlaneNamespace, String trustDomain)
      throws IOException, PkiException {
    if (Files.size(file) > MAX_BYTES) {
      throw new PkiException(file + " is too large: expected at most " + MAX_BYTES + " bytes");
    }
    return new AttestationFile(file, controlPlaneNamespace, trustDomain)
        .parse(Files.readString(file));
  }

  private List<OidcTokens.Issuer> parse(String text) throws PkiException {
    Optional<Node> root;
    try {
      root =
          new Compose(
                  LoadSettings.builder()
                      .setLabel(file.toString())
                      .setAllowDuplicateKeys(false)
                      .setAllowRecursiveKeys(false)
                      .setMaxAliasesForCollections(0)
                      .setCodePointLimit(MAX_BYTES)
                      .build())
              .composeString(text);
    } catch (MarkedYamlEngineException e) {
      throw new PkiException(
          file
              + ":"
              + e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1)
              + ": not YAML: "
              + e.getProblem(),
          e);
    } catch (YamlEngineException e) {
      throw new PkiException(file + ": not YAML: " + e.getMessage(), e);
    }
    if (root.isEmpty()) {
      throw new PkiException(file + " is empty: expected field issuers");
    }
    Map<String, Node> fields = fields(root.get(), "the file", Set.of("issuers"));
    List<OidcTokens.Issuer> issuers = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Node one : list(require(root.get(), fields, "issuers"), "issuers", MAX_ISSUERS)) {
      OidcTokens.Issuer issuer = issuer(one);
      if (!names.add(issuer.issuer())) {
        throw at(one, "issuer " + issuer.issuer() + " is there twice");
      }
      issuers.add(issuer);
    }
    return issuers;
  }

  private OidcTokens.Issuer issuer(Node node) throws PkiException {
    Map<String, Node> fields =
        fields(
            node,
            "an issuer",
            Set.of(
                "issuer",
                "keysFile",
                "keysUrl",
                "discovery",
                "trustFile",
                "audience",
                "algorithms",
                "clockSkew",
                "refresh",
                "maxAge",
                "rules"));
    String issuer = text(require(node, fields, "issuer"), "issuer");
    Set<String> algorithms = new HashSet<>();
    Node allowed = fields.get("algorithms");
    if (allowed == null) {
      algorithms.addAll(List.of("RS256", "ES256"));
    } else {
      for (Node one : list(allowed, "algorithms", OidcTokens.ALGORITHMS.size())) {
        algorithms.add(text(one, "algorithms"));
      }
    }
    List<OidcTokens.Rule> rules = new ArrayList<>();
    Node given = fields.get("rules");
    if (given != null) {
      for (Node one : list(given, "rules", MAX_RULES)) {
        rules.add(rule(one));
      }
    }
    Node trust = fields.get("trustFile");
    Node audience = fields.get("audience");
    try {
      return new OidcTokens.Issuer(
          issuer,
          keys(node, fields, issuer),
          trust == null ? null : Path.of(text(trust, "trustFile")),
          audience == null ? Attestor.AUDIENCE : text(audience, "audience"),
          algorithms,
          duration(fields.get("clockSkew"), "clockSkew", Duration.ofSeconds(10)),
          duration(fields.get("refresh"), "refresh", Duration.ofMinutes(5)),
          duration(fields.get("maxAge"), "maxAge", Duration.ofHours(24)),
          rules);
    } catch (IllegalArgumentException e) {
      throw at(node, "issuer " + issuer + ": " + e.getMessage());
    }
  }

  private OidcTokens.Keys keys(Node node, Map<String, Node> fields, String issuer)
      throws PkiException {
    List<OidcTokens.Keys> keys = new ArrayList<>();
    Node inFile = fields.get("keysFile");
    if (inFile != null) {
      keys.add(new OidcTokens.Keys.InFile(Path.of(text(inFile, "keysFile"))));
    }
    Node url = fields.get("keysUrl");
    if (url != null) {
      try {
        keys.add(
            new OidcTokens.Keys.AtUrl(HttpKeys.requireSecure(URI.create(text(url, "keysUrl")))));
      } catch (IllegalArgumentException e) {
        throw at(url, "keysUrl " + e.getMessage());
      }
    }
    Node discovery = fields.get("discovery");
    if (discovery != null) {
      String value = text(discovery, "discovery");
      if (!value.equals("true")) {
        throw at(discovery, "discovery " + WorkloadIdentity.printable(value) + ": expected true");
      }
      try {
        HttpKeys.requireSecure(URI.create(issuer));
      } catch (IllegalArgumentException e) {
        throw at(discovery, "discovery of issuer " + e.getMessage());
      }
      keys.add(new OidcTokens.Keys.Discovered());
    }
    if (keys.size() != 1) {
      throw at(
          node,
          "issuer "
              + issuer
              + " has "
              + keys.size()
              + " sources of keys: expected one of keysFile, keysUrl and discovery");
    }
    return keys.getFirst();
  }

  private OidcTokens.Rule rule(Node node) throws PkiException {
    Map<String, Node> fields = fields(node, "a rule", Set.of("claims", "serviceAccount"));
    Node given = require(node, fields, "claims");
    Map<String, String> claims = new LinkedHashMap<>();
    for (Map.Entry<String, Node> claim : fields(given, "claims", null).entrySet()) {
      claims.put(claim.getKey(), text(claim.getValue(), "claim " + claim.getKey()));
    }
    Node account = require(node, fields, "serviceAccount");
    String text = text(account, "serviceAccount");
    String[] parts = text.split("/", -1);
    try {
      if (parts.length != 2) {
        throw new IllegalArgumentException("no slash, or more than one");
      }
      return new OidcTokens.Rule(
          claims, new WorkloadIdentity(parts[1], parts[0], controlPlaneNamespace, trustDomain));
    } catch (IllegalArgumentException e) {
      throw at(
          parts.length == 2 && claims.isEmpty() ? given : account,
          "serviceAccount "
              + WorkloadIdentity.printable(text)
              + ": expected <namespace>/<name> and at least one claim: "
              + e.getMessage());
    }
  }

  private Map<String, Node> fields(Node node, String what, @Nullable Set<String> known)
      throws PkiException {
    if (!(node instanceof MappingNode mapping)) {
      throw at(node, what + ": expected fields");
    }
    Map<String, Node> fields = new LinkedHashMap<>();
    for (NodeTuple field : mapping.getValue()) {
      String name = text(field.getKeyNode(), "the name of a field");
      if (known != null && !known.contains(name)) {
        throw at(
            field.getKeyNode(),
            "field "
                + WorkloadIdentity.printable(name)
                + " of "
                + what
                + ": expected one of "
                + known.stream().sorted().toList());
      }
      if (fields.put(name, field.getValueNode()) != null) {
        throw at(field.getKeyNode(), "field " + name + " of " + what + " is there twice");
      }
    }
    return fields;
  }

  private Node require(Node parent, Map<String, Node> fields, String name) throws PkiException {
    Node value = fields.get(name);
    if (value == null) {
      throw at(parent, "field " + name + " is missing");
    }
    return value;
  }

  private List<Node> list(Node node, String what, int most) throws PkiException {
    if (!(node instanceof SequenceNode sequence) || sequence.getValue().isEmpty()) {
      throw at(node, what + ": expected a list of at least one");
    }
    if (sequence.getValue().size() > most) {
      throw at(node, what + " has " + sequence.getValue().size() + ": expected at most " + most);
    }
    return sequence.getValue();
  }

  private String text(Node node, String what) throws PkiException {
    if (!(node instanceof ScalarNode scalar) || scalar.getValue().isEmpty()) {
      throw at(node, what + ": expected text");
    }
    return scalar.getValue();
  }

  private Duration duration(@Nullable Node node, String what, Duration otherwise)
      throws PkiException {
    if (node == null) {
      return otherwise;
    }
    String text = text(node, what);
    char unit = text.charAt(text.length() - 1);
    try {
      long count = Long.parseLong(text.substring(0, text.length() - 1));
      if (count >= 0 && count <= 1_000_000) {
        switch (unit) {
          case 's':
            return Duration.ofSeconds(count);
          case 'm':
            return Duration.ofMinutes(count);
          case 'h':
            return Duration.ofHours(count);
          case 'd':
            return Duration.ofDays(count);
          default:
            break;
        }
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw at(
        node,
        what
            + " "
            + WorkloadIdentity.printable(text)
            + ": expected a number and s, m, h or d, such as 5m");
  }

  private PkiException at(Node node, String what) {
    return new PkiException(
        file + ":" + node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1) + ": " + what);
  }
}
