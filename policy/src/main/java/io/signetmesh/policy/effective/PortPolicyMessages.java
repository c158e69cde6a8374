package io.signetmesh.policy.effective;

import io.linkerd.proxy.inbound.Server;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The policy that ports with equal policy share: the message with all features, the messages for
 * proxies with fewer features (made on demand), and the objects behind it.
 */
public final class PortPolicyMessages {
  private static final int WITHOUT_TRIAL = 1;
  private static final int WITHOUT_DENY = 2;
  private static final int WITHOUT_JWT = 4;

  private final Server full;
  private final Set<PolicySource> sources;

  /** Whether leaving tokens out makes a difference. */
  private final boolean tokens;

  /** Forms by what is left out; null as long as nobody asked for one. */
  private volatile @Nullable AtomicReferenceArray<@Nullable Server> forms;

  PortPolicyMessages(Server full, Set<PolicySource> sources) {
    this.full = full;
    this.sources = Collections.unmodifiableSet(new LinkedHashSet<>(sources));
    this.tokens = TokenForms.isAboutTokens(full);
  }

  Server full() {
    return full;
  }

  Set<PolicySource> sources() {
    return sources;
  }

  /** The form for proxies with these features, without generation. */
  Server rendered(PolicyFeatures features) {
    int left =
        (features.trial() || !full.hasSignetTrial() ? 0 : WITHOUT_TRIAL)
            | (features.deny() ? 0 : WITHOUT_DENY)
            | (features.jwt() || !tokens ? 0 : WITHOUT_JWT);
    if (left == 0) {
      return full;
    }
    AtomicReferenceArray<@Nullable Server> made = forms;
    if (made == null) {
      made = new AtomicReferenceArray<>(WITHOUT_TRIAL + WITHOUT_DENY + WITHOUT_JWT + 1);
      forms = made;
    }
    Server form = made.get(left);
    if (form == null) {
      form = form(left);
      made.set(left, form);
    }
    return form;
  }

  private Server form(int left) {
    Server form = full;
    if ((left & WITHOUT_TRIAL) != 0) {
      form = form.toBuilder().clearSignetTrial().build();
    }
    if ((left & WITHOUT_JWT) != 0) {
      form = TokenForms.withoutTokens(form);
    }
    if ((left & WITHOUT_DENY) != 0) {
      form = DenialFolding.fold(form);
      form = tokens ? TokenForms.pruned(form) : form;
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
