package io.signetmesh.jwt;

import org.jspecify.annotations.Nullable;

/**
 * Who a token says its bearer is. The signature was verified; the other checks may have failed.
 * Each text is cut to 256 characters, and control characters in it are replaced by {@code '?'}.
 *
 * @param issuer {@code iss}
 * @param subject {@code sub}
 * @param id {@code jti}
 * @param keyId {@code kid} of the header
 */
public record TokenPrincipal(
    String issuer, @Nullable String subject, @Nullable String id, @Nullable String keyId) {}
