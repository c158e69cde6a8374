package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.text.PlainText;
import org.jspecify.annotations.Nullable;

/**
 * An error in a manifest or a resource, or a warning about it.
 *
 * @param severity error or warning
 * @param position where it is; null when the resource was not read from a manifest
 * @param resource the affected resource; null when it is not known
 * @param field path of the field, such as {@code spec.networks[0].cidr}; empty for the resource as
 *     a whole
 * @param message what is wrong, with the bad value and the expected one; made safe by {@link
 *     PlainText}
 */
public record ManifestFinding(
    Severity severity,
    @Nullable Position position,
    @Nullable ResourceKey resource,
    String field,
    String message) {
  /** Escapes field and message with {@link PlainText}: they quote untrusted text. */
  public ManifestFinding {
    field = PlainText.of(field);
    message = PlainText.of(message);
  }

  /** How bad it is. */
  public enum Severity {
    /** The resource cannot be used. */
    ERROR,
    /** The resource can be used, but probably does not do what its author meant. */
    WARNING
  }

  /** An error in a field of a resource, without a position. */
  public static ManifestFinding error(ResourceKey resource, String field, String message) {
    return new ManifestFinding(Severity.ERROR, null, resource, field, message);
  }

  /** A warning about a field of a resource, without a position. */
  public static ManifestFinding warning(ResourceKey resource, String field, String message) {
    return new ManifestFinding(Severity.WARNING, null, resource, field, message);
  }

  /** Whether this is an error. */
  public boolean isError() {
    return severity == Severity.ERROR;
  }

  /** The same finding at this position. */
  public ManifestFinding at(Position place) {
    return new ManifestFinding(severity, place, resource, field, message);
  }

  /** {@code file:line:column: error: Server.policy.linkerd.io shop/web: spec.port: message}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (position != null) {
      text.append(position).append(": ");
    }
    text.append(isError() ? "error: " : "warning: ");
    if (resource != null) {
      text.append(resource).append(": ");
    }
    if (!field.isEmpty()) {
      text.append(field).append(": ");
    }
    return PlainText.of(text.append(message).toString());
  }
}
