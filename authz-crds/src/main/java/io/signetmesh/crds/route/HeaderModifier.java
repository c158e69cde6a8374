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
 * Changes to headers. Names are case-insensitive.
 *
 * @param set headers that replace all headers of the same name
 * @param add headers that are added to those of the same name
 * @param remove names of headers that are removed
 */
public record HeaderModifier(
    @Items(max = 16) @UniqueBy("name") List<Header> set,
    @Items(max = 16) @UniqueBy("name") List<Header> add,
    @Items(max = 16) List<String> remove) {
  /** Copies the lists; null becomes an empty list. */
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
   * Whether routes must not change this header. These are the headers that frame a message or
   * belong to one connection (RFC 9110, sections 6.6.2, 7.6.1 and 8.6), and the {@code l5d-}
   * headers, in which the mesh describes the client.
   *
   * @param name name of the header, case-insensitive
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
