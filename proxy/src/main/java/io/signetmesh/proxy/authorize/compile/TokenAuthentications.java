package io.signetmesh.proxy.authorize.compile;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.signetmesh.jwt.InvalidAuthenticationException;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.TokenForwarding;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiles the authentications by token of messages. One that stays the same in the next message
 * stays the same object, so that its tokens need not be verified again. When only its keys may be
 * used for longer, it stays the same, too.
 */
final class TokenAuthentications {
  private static final Logger log = LoggerFactory.getLogger(TokenAuthentications.class);

  private final Cache<JwtAuthentication, TokenAuthentication> known =
      Caffeine.newBuilder().weakValues().executor(Runnable::run).build();

  /**
   * By name, those that this proxy understands. One that it does not understand, and a name that
   * stands for two of them, is left out.
   */
  Map<String, TokenAuthentication> compile(List<JwtAuthentication> messages) {
    Map<String, TokenAuthentication> compiled = new HashMap<>();
    Set<String> twice = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (JwtAuthentication message : messages) {
      if (!names.add(message.getName())) {
        twice.add(message.getName());
      }
      try {
        compiled.put(message.getName(), compile(message));
      } catch (InvalidAuthenticationException e) {
        log.error(
            "JWTAuthentication {} is passed by no token: {}", message.getName(), e.getMessage());
      }
    }
    compiled.keySet().removeAll(twice);
    return compiled;
  }

  private TokenAuthentication compile(JwtAuthentication message)
      throws InvalidAuthenticationException {
    JwtAuthentication identity = TokenAuthentication.identity(message);
    TokenAuthentication authentication = known.getIfPresent(identity);
    if (authentication == null) {
      authentication = TokenAuthentication.compile(message);
      known.put(identity, authentication);
    } else {
      authentication.takeKeysEnd(message);
    }
    return authentication;
  }

  /**
   * Where tokens and their claims are, also of what this proxy does not understand otherwise.
   *
   * @param claims names of the fields that carry claims, in lower case
   * @param tokens where tokens may be, those of the dry run included
   */
  record Places(Set<String> claims, List<TokenLocation> tokens) {
    static final Places NONE = new Places(Set.of(), List.of());

    /**
     * @param trial of the dry run
     */
    static Places of(List<JwtAuthentication> messages, List<JwtAuthentication> trial) {
      Set<String> claims = new HashSet<>();
      Set<TokenLocation> tokens = new LinkedHashSet<>();
      for (JwtAuthentication message : messages) {
        addClaims(message.getForwarding(), claims);
        addTokens(message, tokens);
      }
      trial.forEach(message -> addTokens(message, tokens));
      return new Places(Set.copyOf(claims), List.copyOf(tokens));
    }

    private static void addClaims(TokenForwarding forwarding, Set<String> claims) {
      if (!forwarding.getPayloadHeader().isEmpty()) {
        claims.add(forwarding.getPayloadHeader().toLowerCase(Locale.ROOT));
      }
      forwarding
          .getClaimsList()
          .forEach(claim -> claims.add(claim.getHeader().toLowerCase(Locale.ROOT)));
    }

    private static void addTokens(JwtAuthentication message, Set<TokenLocation> tokens) {
      for (io.signetmesh.v1.TokenLocation location : message.getLocationsList()) {
        if (location.hasHeader()) {
          String name = location.getHeader().getName().toLowerCase(Locale.ROOT);
          tokens.add(new TokenLocation.Header(name, location.getHeader().getPrefix()));
        } else if (location.hasQueryParameter()) {
          tokens.add(new TokenLocation.QueryParameter(location.getQueryParameter()));
        } else if (location.hasCookie()) {
          tokens.add(new TokenLocation.Cookie(location.getCookie()));
        }
      }
    }
  }
}
