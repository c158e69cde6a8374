package io.signetmesh.audit;

import org.jspecify.annotations.Nullable;

/**
 * Whom a JSON Web Token names whose signature was verified. The token itself is on no record.
 *
 * @param issuer {@code iss}
 * @param subject {@code sub}; null for none
 * @param id {@code jti}; null for none
 * @param keyId {@code kid} of the key that signed; null for none
 */
public record AuditedToken(
    String issuer, @Nullable String subject, @Nullable String id, @Nullable String keyId) {}
