package io.signetmesh.jwt;

/**
 * A header field for the application.
 *
 * @param name lower case
 * @param value its octets, a char for each (0 to 255); no control characters, so that it is safe as
 *     a field value (RFC 9110 section 5.5). Text beyond ASCII is UTF-8
 */
public record ForwardedField(String name, String value) {}
