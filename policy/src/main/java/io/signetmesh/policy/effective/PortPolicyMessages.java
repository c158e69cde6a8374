package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Server;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The policy that ports with equal policy share: the message with all features, the messages for
 * proxies with fewer features (made on demand), and the objects behind it.
 */
public final class PortPolicyMessages {
  private final Server full;
  private final Set<PolicySource> sources;
  private volatile @Nullable Server withoutDryRun;
  private volatile @Nullable Server withoutDenials;
  private volatile @Nullable Server plain;

  PortPolicyMessages(Server full, Set<PolicySource> sources) {
    this.full = full;
    this.sources = Collections.unmodifiableSet(new LinkedHashSet<>(sources));
  }

  Server full() {
    return full;
  }

  Set<PolicySource> sources() {
    return sources;
  }

  /** The form for proxies with these features, without generation. */
  Server rendered(PolicyFeatures features) {
    if (features.deny()) {
      if (features.trial() || !full.hasSignetTrial()) {
        return full;
      }
      Server form = withoutDryRun;
      if (form == null) {
        form = full.toBuilder().clearSignetTrial().build();
        withoutDryRun = form;
      }
      return form;
    }
    if (features.trial() && full.hasSignetTrial()) {
      Server form = withoutDenials;
      if (form == null) {
        form = DenialFolding.fold(full);
        withoutDenials = form;
      }
      return form;
    }
    Server form = plain;
    if (form == null) {
      form = DenialFolding.fold(full.toBuilder().clearSignetTrial().build());
      plain = form;
    }
    return form;
  }

  @Override
  public boolean equals(Object other) {
    return other == this
        || (other instanceof PortPolicyMessages that
            && full.equals(that.full)
            && sources.equals(that.sources));
  }

  @Override
  public int hashCode() {
    return full.hashCode();
  }

  @Override
  public String toString() {
    return full.toString();
  }
}
