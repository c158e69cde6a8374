package io.signetmesh.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.config.ProxyConfig;
import java.util.AbstractMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** docs/proxy-settings.md has the variables that a proxy reads, and no others. */
final class ProxySettingsDocTest {
  private static final Pattern VARIABLE =
      Pattern.compile("`((?:LINKERD2_PROXY|SIGNET_PROXY|SIGNET_NODE)_[A-Z0-9_]+)`");

  /** Read by the command that runs the proxy. */
  private static final String LOG_FORMAT = "LINKERD2_PROXY_LOG_FORMAT";

  /** An empty environment that notes what is asked of it. */
  private static final class Asked extends AbstractMap<String, String> {
    private final Set<String> names = new TreeSet<>();

    @Override
    public @Nullable String get(@Nullable Object name) {
      names.add(String.valueOf(name));
      return null;
    }

    @Override
    public Set<Map.Entry<String, String>> entrySet() {
      return Set.of();
    }
  }

  @Test
  void namesEachVariableThatIsReadAndNoOther() throws Exception {
    Asked environment = new Asked();
    assertThatThrownBy(() -> ProxyConfig.from(environment))
        .isInstanceOf(InvalidConfigException.class);
    assertThatThrownBy(() -> NodeConfig.from(environment))
        .isInstanceOf(InvalidConfigException.class);
    environment.names.add(LOG_FORMAT);

    Set<String> documented =
        VARIABLE
            .matcher(Repository.text("docs/proxy-settings.md"))
            .results()
            .map(match -> Objects.requireNonNull(match.group(1)))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(documented).isEqualTo(environment.names);
  }
}
