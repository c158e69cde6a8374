package io.signetmesh.identity.federation;

import io.signetmesh.identity.federation.ForeignDomain.Profile;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Reads the configuration of federation: YAML, and so JSON too, with a list {@code trustDomains}.
 *
 * <pre>
 * trustDomains:
 *   - trustDomain: partner.example
 *     bundleEndpointUrl: https://bundles.partner.example/
 *     profile: https_spiffe               # or https_web
 *     endpointSpiffeId: spiffe://partner.example/ns/signet/sa/identity   # https_spiffe
 *     initialBundle: partner.json         # https_spiffe: SPIFFE bundle or PEM
 *     caFile: web-cas.pem                 # https_web, optional
 *     minRefresh: 30s                     # optional, 1s to 24h
 *     maxRefresh: 1h                      # optional, 1s to 24h
 * </pre>
 *
 * File names are relative to the directory of the configuration.
 */
public final class FederationFile {
  /** Foreign trust domains at most; each costs memory in every proxy. */
  static final int MAX_DOMAINS = 256;

  private static final int MAX_BYTES = 1 << 20;
  private static final Duration MIN_REFRESH = Duration.ofSeconds(30);
  private static final Duration MAX_REFRESH = Duration.ofHours(1);
  private static final Duration LONGEST = Duration.ofHours(24);
  private static final Pattern DURATION = Pattern.compile("([1-9][0-9]{0,8})(s|m|h)");
  private static final Set<String> FIELDS =
      Set.of(
          "trustDomain",
          "bundleEndpointUrl",
          "profile",
          "endpointSpiffeId",
          "initialBundle",
          "caFile",
          "minRefresh",
          "maxRefresh");

  private final Path directory;
  private final String source;

  private FederationFile(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    this.directory = parent == null ? Path.of("/") : parent;
    this.source = file.toString();
  }

  /**
   * Reads the file and the initial bundles that it names.
   *
   * @param ownTrustDomain own trust domain, which no entry may name
   * @throws IOException when a file cannot be read
   * @throws PkiException when the content is not valid; the message names the field, its value and
   *     the expected value
   */
  public static List<ForeignDomain> read(Path file, String ownTrustDomain)
      throws IOException, PkiException {
    return new FederationFile(file)
        .domains(new String(bytes(file, MAX_BYTES), StandardCharsets.UTF_8), ownTrustDomain);
  }

  private List<ForeignDomain> domains(String text, String own) throws IOException, PkiException {
    Object root;
    try {
      root =
          new Load(
                  LoadSettings.builder()
                      .setAllowDuplicateKeys(false)
                      .setAllowRecursiveKeys(false)
                      .setMaxAliasesForCollections(0)
                      .setCodePointLimit(MAX_BYTES)
                      .setLabel(source)
                      .build())
              .loadFromString(text);
    } catch (YamlEngineException e) {
      throw new PkiException(source + ": not YAML: " + e.getMessage(), e);
    }
    if (!(root instanceof Map<?, ?> map)
        || !map.keySet().equals(Set.of("trustDomains"))
        || !(map.get("trustDomains") instanceof List<?> entries)) {
      throw new PkiException(source + ": expected one field, the list trustDomains");
    }
    if (entries.size() > MAX_DOMAINS) {
      throw new PkiException(
          source
              + ": trustDomains has "
              + entries.size()
              + " entries: expected at most "
              + MAX_DOMAINS);
    }
    List<ForeignDomain> domains = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (int i = 0; i < entries.size(); i++) {
      String place = source + ": trustDomains[" + i + "]";
      ForeignDomain domain = domain(place, entries.get(i), own);
      if (!names.add(domain.trustDomain())) {
        throw new PkiException(
            place + ".trustDomain: " + domain.trustDomain() + " is listed twice");
      }
      domains.add(domain);
    }
    return List.copyOf(domains);
  }

  private ForeignDomain domain(String place, @Nullable Object entry, String own)
      throws IOException, PkiException {
    if (!(entry instanceof Map<?, ?> fields)) {
      throw new PkiException(place + ": expected fields " + FIELDS.stream().sorted().toList());
    }
    for (Object name : fields.keySet()) {
      if (!(name instanceof String text) || !FIELDS.contains(text)) {
        throw new PkiException(
            place
                + ": unknown field "
                + WorkloadIdentity.printable(String.valueOf(name))
                + ": expected "
                + FIELDS.stream().sorted().toList());
      }
    }
    String trustDomain = required(place, fields, "trustDomain");
    try {
      WorkloadIdentity.requireDnsName("trust domain", trustDomain);
    } catch (IllegalArgumentException e) {
      throw new PkiException(place + ".trustDomain: " + e.getMessage(), e);
    }
    if (trustDomain.equals(own)) {
      throw new PkiException(
          place + ".trustDomain: " + own + " is our own: expected a foreign trust domain");
    }
    URI url = url(place, required(place, fields, "bundleEndpointUrl"));
    String profile = required(place, fields, "profile");
    Duration min = duration(place, fields, "minRefresh", MIN_REFRESH);
    Duration max = duration(place, fields, "maxRefresh", MAX_REFRESH);
    if (min.compareTo(max) > 0) {
      throw new PkiException(
          place
              + ".minRefresh: "
              + seconds(min)
              + " is more than maxRefresh "
              + seconds(max)
              + ": expected at most that");
    }
    Profile how =
        switch (profile) {
          case "https_web" -> {
            forbid(place, fields, "endpointSpiffeId", profile);
            forbid(place, fields, "initialBundle", profile);
            yield web(place, fields);
          }
          case "https_spiffe" -> {
            forbid(place, fields, "caFile", profile);
            yield spiffe(place, fields, trustDomain);
          }
          default ->
              throw new PkiException(
                  place
                      + ".profile: "
                      + WorkloadIdentity.printable(profile)
                      + ": expected https_web or https_spiffe");
        };
    return new ForeignDomain(trustDomain, url, how, min, max);
  }

  private Profile web(String place, Map<?, ?> fields) throws IOException, PkiException {
    String name = optional(place, fields, "caFile");
    if (name == null) {
      return new Profile.Web(null);
    }
    Path file = directory.resolve(name);
    try {
      Certificates.readPem(file);
    } catch (IOException | PkiException e) {
      throw new PkiException(place + ".caFile: " + file + " cannot be read: " + e.getMessage(), e);
    }
    return new Profile.Web(file);
  }

  private Profile spiffe(String place, Map<?, ?> fields, String trustDomain) throws PkiException {
    String id = required(place, fields, "endpointSpiffeId");
    try {
      WorkloadIdentity.requireSpiffeId("endpointSpiffeId", id, trustDomain);
    } catch (IllegalArgumentException e) {
      throw new PkiException(place + ".endpointSpiffeId: " + e.getMessage(), e);
    }
    Path file = directory.resolve(required(place, fields, "initialBundle"));
    try {
      byte[] content = bytes(file, SpiffeBundle.MAX_BYTES);
      return new Profile.Spiffe(
          id,
          file,
          bundle(file, content),
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)));
    } catch (IOException | PkiException e) {
      throw new PkiException(
          place + ".initialBundle: " + file + " cannot be read: " + e.getMessage(), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static SpiffeBundle bundle(Path file, byte[] content) throws PkiException {
    String text = new String(content, StandardCharsets.UTF_8);
    SpiffeBundle bundle =
        text.stripLeading().startsWith("{")
            ? SpiffeBundle.parse(file.toString(), content)
            : new SpiffeBundle(null, null, Certificates.parsePem(file.toString(), text), List.of());
    if (bundle.anchors().isEmpty()) {
      throw new PkiException(file + ": has no anchor: expected at least one");
    }
    return bundle;
  }

  private static URI url(String place, String text) throws PkiException {
    String expected = ": expected an https URL with a host, without user information and fragment";
    try {
      URI url = new URI(text);
      if (!"https".equals(url.getScheme())
          || url.getHost() == null
          || url.getRawUserInfo() != null
          || url.getRawFragment() != null) {
        throw new PkiException(
            place + ".bundleEndpointUrl: " + WorkloadIdentity.printable(text) + expected);
      }
      return url;
    } catch (URISyntaxException e) {
      throw new PkiException(
          place + ".bundleEndpointUrl: " + WorkloadIdentity.printable(text) + expected, e);
    }
  }

  private static Duration duration(String place, Map<?, ?> fields, String name, Duration otherwise)
      throws PkiException {
    String text = optional(place, fields, name);
    if (text == null) {
      return otherwise;
    }
    Matcher matcher = DURATION.matcher(text);
    if (matcher.matches()) {
      long count = Long.parseLong(matcher.group(1));
      Duration duration =
          switch (matcher.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            default -> Duration.ofHours(count);
          };
      if (duration.compareTo(LONGEST) <= 0) {
        return duration;
      }
    }
    throw new PkiException(
        place
            + "."
            + name
            + ": "
            + WorkloadIdentity.printable(text)
            + ": expected 1s to 24h, a whole number with s, m or h");
  }

  private static String seconds(Duration duration) {
    return duration.toSeconds() + "s";
  }

  private static void forbid(String place, Map<?, ?> fields, String name, String profile)
      throws PkiException {
    if (fields.containsKey(name)) {
      throw new PkiException(place + "." + name + ": " + profile + " has no such field");
    }
  }

  private static String required(String place, Map<?, ?> fields, String name) throws PkiException {
    String value = optional(place, fields, name);
    if (value == null) {
      throw new PkiException(place + "." + name + ": is missing");
    }
    return value;
  }

  private static @Nullable String optional(String place, Map<?, ?> fields, String name)
      throws PkiException {
    Object value = fields.get(name);
    if (value == null && !fields.containsKey(name)) {
      return null;
    }
    if (!(value instanceof String text) || text.isEmpty()) {
      throw new PkiException(
          place
              + "."
              + name
              + ": "
              + WorkloadIdentity.printable(String.valueOf(value))
              + ": expected a text that is not empty");
    }
    return text;
  }

  private static byte[] bytes(Path file, int max) throws IOException, PkiException {
    try (var in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(max + 1);
      if (content.length > max) {
        throw new PkiException(file + ": more than " + max + " bytes: expected at most that");
      }
      return content;
    }
  }
}
