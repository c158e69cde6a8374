package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.schema.UniqueBy;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Changes to headers.
 *
 * @param set headers that replace those of the same name
 * @param add headers that are added
 * @param remove names of headers that are taken out
 */
public record HeaderModifier(
    @Items(max = 16) @UniqueBy("name") List<Header> set,
    @Items(max = 16) @UniqueBy("name") List<Header> add,
    @Items(max = 16) List<String> remove) {
  /** Lists that are not given are empty. */
  public HeaderModifier {
    set = set == null ? List.of() : List.copyOf(set);
    add = add == null ? List.of() : List.copyOf(add);
    remove = remove == null ? List.of() : List.copyOf(remove);
  }

  private static final Set<String> RESERVED =
      Set.of(
          "connection",
          "content-length",
          "keep-alive",
          "proxy-connection",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  /**
   * Whether no route may change that header: it says where a message ends, belongs to one
   * connection, or is what the mesh itself says of the client (RFC 9110, sections 6.4.1, 7.6.1 and
   * 8.6).
   */
  public static boolean isReserved(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return RESERVED.contains(lower) || lower.startsWith("l5d-");
  }

  /**
   * A header.
   *
   * @param name name
   * @param value value
   */
  public record Header(
      @Required @Text(TextFormat.HTTP_TOKEN) String name,
      @Required @Length(min = 1, max = 4096) String value) {}
}
