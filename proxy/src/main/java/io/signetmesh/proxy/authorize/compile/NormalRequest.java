package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.RequestAttributes;
import org.jspecify.annotations.Nullable;

/** A request whose path was not normal, with its normal path. */
record NormalRequest(RequestAttributes received, CharSequence path) implements RequestAttributes {
  /** The request with a normal path; null when its path has no normal form. */
  @SuppressWarnings("ReferenceEquality") // A normal path is returned as it is.
  static @Nullable RequestAttributes of(RequestAttributes request) {
    CharSequence path = request.path();
    CharSequence normal = RequestPath.normalize(path);
    if (normal == null) {
      return null;
    }
    return normal == path ? request : new NormalRequest(request, normal);
  }

  @Override
  public CharSequence method() {
    return received.method();
  }

  @Override
  public CharSequence authority() {
    return received.authority();
  }

  @Override
  public @Nullable CharSequence header(CharSequence lowerCaseName) {
    return received.header(lowerCaseName);
  }

  @Override
  public boolean repeats(CharSequence lowerCaseName) {
    return received.repeats(lowerCaseName);
  }

  @Override
  public ExpressionWork expressions() {
    return received.expressions();
  }
}
