package io.signetmesh.crds.manifest;

import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.text.PlainText;
import org.jspecify.annotations.Nullable;

/**
 * Something that is wrong, or looks wrong, with a resource or a manifest.
 *
 * @param severity whether it keeps the resource from being used
 * @param position where; null when the resource was not read from a manifest
 * @param resource the resource; null when it is not known which one it is about
 * @param field path of the field, as {@code spec.networks[0].cidr}; empty for the resource as a
 *     whole
 * @param message what is wrong, with the bad value and what was expected; {@link PlainText}
 */
public record Finding(
    Severity severity,
    @Nullable Position position,
    @Nullable ResourceKey resource,
    String field,
    String message) {
  /** Makes field and message plain: they quote what others wrote. */
  public Finding {
    field = PlainText.of(field);
    message = PlainText.of(message);
  }

  /** How bad it is. */
  public enum Severity {
    /** The resource cannot be used. */
    ERROR,
    /** The resource can be used, but this is surely not what was meant. */
    WARNING
  }

  /** An error of a field of a resource, without a place. */
  public static Finding error(ResourceKey resource, String field, String message) {
    return new Finding(Severity.ERROR, null, resource, field, message);
  }

  /** A warning about a field of a resource, without a place. */
  public static Finding warning(ResourceKey resource, String field, String message) {
    return new Finding(Severity.WARNING, null, resource, field, message);
  }

  /** Whether this is an error. */
  public boolean isError() {
    return severity == Severity.ERROR;
  }

  /** The same finding at a place. */
  public Finding at(Position place) {
    return new Finding(severity, place, resource, field, message);
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
