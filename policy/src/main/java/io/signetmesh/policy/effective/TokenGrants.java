package io.signetmesh.policy.effective;

import com.google.protobuf.Timestamp;
import io.linkerd.proxy.inbound.Authz;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The authentications by token that authorizations and denials refer to, with their keys. */
public final class TokenGrants {
  /** JWTAuthentications that one policy may require. */
  static final int MAX_TOKENS = 4;

  private TokenGrants() {}

  /**
   * The authentications that some authorizations and denials refer to, sorted by name.
   *
   * @param lookup finds an object by reference
   */
  static List<JwtAuthentication> of(
      Collection<Authz> all, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    TreeMap<String, JwtAuthentication> messages = new TreeMap<>();
    for (Authz authz : all) {
      for (String name : authz.getSignetTokensList()) {
        if (!messages.containsKey(name)
            && lookup.apply(JwtModel.refOf(name)) instanceof JwtModel.Authentication found) {
          messages.put(name, message(found, lookup));
        }
      }
    }
    return List.copyOf(messages.values());
  }

  private static JwtAuthentication message(
      JwtModel.Authentication authentication, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    KnownKeys keys = keys(authentication, lookup);
    JwtKeySet.Builder set =
        JwtKeySet.newBuilder().setJwks(keys.jwks()).setUnavailable(keys.unavailable());
    if (keys.areThere()
        && authentication.keys() instanceof KeySource.Fetched
        && lookup.apply(authentication.keySet()) instanceof JwtModel.FetchedKeys fetched) {
      Instant end = fetched.expiresAt();
      if (end != null) {
        set.setExpiresAt(
            Timestamp.newBuilder().setSeconds(end.getEpochSecond()).setNanos(end.getNano()));
      }
    }
    return authentication.message().toBuilder().setKeySet(set).build();
  }

  /**
   * The keys of an authentication, or why there are none.
   *
   * @param lookup finds an object by reference
   */
  public static KnownKeys keys(
      JwtModel.Authentication authentication, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    return switch (authentication.keys()) {
      case KeySource.Inline(KnownKeys keys) -> keys;
      case KeySource.Held held -> {
        ObjectRef ref = authentication.holder();
        if (ref == null || !(lookup.apply(ref) instanceof JwtModel.Holder holder)) {
          yield KnownKeys.none("there is no " + ref);
        }
        KnownKeys keys = holder.entries().get(held.entry());
        yield keys == null ? KnownKeys.none(ref + " has no entry " + held.entry()) : keys;
      }
      case KeySource.Fetched fetched ->
          lookup.apply(authentication.keySet()) instanceof JwtModel.FetchedKeys keys
                  && keys.location().equals(fetched.location())
              ? keys.keys()
              : KnownKeys.none("the keys have not been fetched yet");
    };
  }
}
