package io.signetmesh.crds.rego;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.token.TokenKeys;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where a policy bundle comes from: exactly one of the first three. The last three are for a bundle
 * that is fetched. A bundle has at most 1 MiB as {@code opa build -t wasm} writes it, that is,
 * compressed.
 *
 * @param url URL of the bundle
 * @param configMapRef a ConfigMap of the authentication's own namespace that has the bundle in its
 *     {@code binaryData}
 * @param file name of a file in the directory for bundles of the policy controller, in the
 *     subdirectory that has the name of the authentication's own namespace
 * @param caBundle trust anchors of the HTTPS server, PEM; null means those of the JDK
 * @param refreshInterval longest time between two fetches
 * @param maxAge how long the last bundle that could be fetched is used
 */
@ExactlyOneOf({"url", "configMapRef", "file"})
public record PolicyBundle(
    @Length(min = 1, max = 2_048) @Nullable String url,
    @Nullable EntryRef configMapRef,
    @Length(min = 1, max = 253) @Nullable String file,
    @Length(min = 1, max = 65_536) @Nullable String caBundle,
    @Text(TextFormat.GO_DURATION) @Nullable String refreshInterval,
    @Text(TextFormat.GO_DURATION) @Nullable String maxAge) {
  /** Value of {@code refreshInterval} when none is written: as of key sets. */
  public static final String DEFAULT_REFRESH_INTERVAL = TokenKeys.DEFAULT_REFRESH_INTERVAL;

  /** Value of {@code maxAge} when none is written: as of key sets. */
  public static final String DEFAULT_MAX_AGE = TokenKeys.DEFAULT_MAX_AGE;

  /**
   * Least value of {@code maxAge}: the end of a bundle is told to proxies in time although changes
   * are told once in 30 s.
   */
  public static final Duration MIN_AGE = Duration.ofMinutes(1);

  /**
   * An entry of a ConfigMap.
   *
   * @param name name of the ConfigMap
   * @param key name of the entry in its {@code binaryData}
   */
  public record EntryRef(
      @Required @Text(TextFormat.SUBDOMAIN) String name,
      @Default("bundle.tar.gz") @Length(min = 1, max = 253) String key) {}
}
