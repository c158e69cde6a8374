package io.signetmesh.policy.token;

import com.google.protobuf.Duration;
import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.crds.token.ClaimValue;
import io.signetmesh.crds.token.JWTAuthenticationSpec;
import io.signetmesh.crds.token.TokenBinding;
import io.signetmesh.crds.token.TokenForwarding;
import io.signetmesh.crds.token.TokenSource;
import io.signetmesh.jwt.InvalidAuthenticationException;
import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.JwtKeySet;
import io.signetmesh.v1.TokenLocation;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Makes the messages of JWTAuthentications. Equal specs make equal bytes. */
public final class TokenMessages {
  private TokenMessages() {}

  /**
   * The message of an object, without its key set.
   *
   * @param name {@code namespace/name}
   * @throws IllegalArgumentException when a proxy would not understand it
   */
  public static JwtAuthentication of(String name, JWTAuthenticationSpec spec) {
    JwtAuthentication.Builder message =
        JwtAuthentication.newBuilder()
            .setName(name)
            .setIssuer(spec.issuer())
            .addAllAudiences(spec.audiences().stream().sorted().distinct().toList())
            .setAnyAudience(spec.anyAudience())
            .addAllAlgorithms(spec.algorithms().stream().sorted().distinct().toList())
            .setClockSkew(duration(spec.clockSkew()))
            .setExpiryOptional(spec.expiryOptional())
            .setBoundTo(binding(Objects.requireNonNullElse(spec.boundTo(), TokenBinding.NONE)))
            .setErrorDetail(spec.errorDetail());
    spec.from().forEach(source -> message.addLocations(location(source, spec.boundTo())));
    if (spec.maxTokenAge() != null) {
      message.setMaxTokenAge(duration(spec.maxTokenAge()));
    }
    spec.claims().forEach(rule -> message.addClaims(rule(rule)));
    TokenForwarding forward = spec.forward();
    if (forward != null && !forward.equals(TokenForwarding.NOTHING)) {
      message.setForwarding(forwarding(forward));
    }
    try {
      // What no proxy would understand is found here, where somebody looks.
      var unused =
          TokenAuthentication.compile(
              message
                  .clone()
                  .setKeySet(JwtKeySet.newBuilder().setUnavailable("not known yet"))
                  .build());
    } catch (InvalidAuthenticationException e) {
      throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
    }
    return message.build();
  }

  private static Duration duration(String text) {
    java.time.Duration parsed = GoDuration.parse(text);
    return Duration.newBuilder().setSeconds(parsed.getSeconds()).setNanos(parsed.getNano()).build();
  }

  private static JwtAuthentication.Binding binding(TokenBinding binding) {
    return switch (binding) {
      case NONE -> JwtAuthentication.Binding.BINDING_NONE;
      case CERTIFICATE -> JwtAuthentication.Binding.BINDING_CERTIFICATE;
      case DPOP -> JwtAuthentication.Binding.BINDING_DPOP;
    };
  }

  private static TokenLocation location(TokenSource source, @Nullable TokenBinding boundTo) {
    TokenLocation.Builder location = TokenLocation.newBuilder();
    if (source.header() != null) {
      location
          .getHeaderBuilder()
          .setName(source.header().toLowerCase(Locale.ROOT))
          .setPrefix(source.prefixOrDefault(boundTo));
    } else if (source.cookie() != null) {
      location.setCookie(source.cookie());
    } else if (source.queryParameter() != null) {
      location.setQueryParameter(source.queryParameter());
    }
    return location.build();
  }

  private static ClaimRule rule(io.signetmesh.crds.token.ClaimRule rule) {
    ClaimRule.Builder message = ClaimRule.newBuilder().addAllPath(rule.path());
    if (rule.equals() != null) {
      message.setEquals(value(rule.equals()));
    } else if (rule.anyOf() != null) {
      message.setAnyOf(values(rule.anyOf()));
    } else if (rule.allOf() != null) {
      message.setAllOf(values(rule.allOf()));
    } else if (rule.noneOf() != null) {
      message.setNoneOf(values(rule.noneOf()));
    } else if (rule.matches() != null) {
      message.setMatches(rule.matches());
    } else if (rule.exists() != null) {
      message.setExists(rule.exists());
    }
    return message.build();
  }

  private static ClaimRule.Values values(List<ClaimValue> values) {
    return ClaimRule.Values.newBuilder()
        .addAllValues(values.stream().distinct().map(TokenMessages::value).toList())
        .build();
  }

  private static io.signetmesh.v1.ClaimValue value(ClaimValue value) {
    io.signetmesh.v1.ClaimValue.Builder message = io.signetmesh.v1.ClaimValue.newBuilder();
    return switch (value.type()) {
      case TEXT -> message.setText(value.text()).build();
      case NUMBER -> message.setNumber(value.text()).build();
      case BOOLEAN -> message.setTruth(value.text().equals("true")).build();
    };
  }

  private static io.signetmesh.v1.TokenForwarding forwarding(TokenForwarding forward) {
    io.signetmesh.v1.TokenForwarding.Builder message =
        io.signetmesh.v1.TokenForwarding.newBuilder().setStrip(forward.stripToken());
    for (TokenForwarding.ClaimHeader claim : forward.claims()) {
      message.addClaims(
          io.signetmesh.v1.TokenForwarding.ClaimHeader.newBuilder()
              .addAllPath(claim.path())
              .setHeader(claim.header().toLowerCase(Locale.ROOT)));
    }
    if (forward.payloadHeader() != null) {
      message.setPayloadHeader(forward.payloadHeader().toLowerCase(Locale.ROOT));
    }
    return message.build();
  }
}
