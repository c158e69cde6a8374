package io.signetmesh.proxy.rego;

import io.signetmesh.jwt.QueryParameters;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.rego.RegoInput;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Leaves out of the head of a request what lets its bearer in: a policy could put it into its
 * reason, which goes on record.
 */
public final class SecretFields {
  /** Names as servers fold them. */
  private static final Set<String> ALWAYS =
      Set.of("authorization", "proxy-authorization", "cookie", "set-cookie", "dpop");

  private SecretFields() {}

  /**
   * The head without fields and parameters that may have a token.
   *
   * @param locations where tokens may be
   */
  public static RegoInput.Head without(RegoInput.Head head, List<TokenLocation> locations) {
    Set<String> names = new HashSet<>(ALWAYS);
    String query = head.query();
    for (TokenLocation location : locations) {
      switch (location) {
        case TokenLocation.Header header -> names.add(fold(header.name()));
        case TokenLocation.QueryParameter(String name) -> {
          String rest = QueryParameters.without("?" + query, name);
          query = rest.isEmpty() ? "" : rest.substring(1);
        }
        case TokenLocation.Cookie cookie -> {}
      }
    }
    List<RegoInput.Field> fields = new ArrayList<>(head.fields());
    fields.removeIf(field -> names.contains(fold(field.name())));
    return new RegoInput.Head(
        head.method(), head.scheme(), head.authority(), head.path(), query, List.copyOf(fields));
  }

  /** The application may read a field whose name is folded to another: every mark is a hyphen. */
  private static String fold(String name) {
    StringBuilder folded = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean alphanumeric =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      folded.append(!alphanumeric ? '-' : c >= 'A' && c <= 'Z' ? (char) (c + 32) : c);
    }
    return folded.toString();
  }
}
