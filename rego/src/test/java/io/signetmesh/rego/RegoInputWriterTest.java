package io.signetmesh.rego;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class RegoInputWriterTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void writesTheDocumentedForm() throws Exception {
    RegoInput input =
        Inputs.of(
            "web",
            "/orders/7",
            "page=2",
            Map.of("shop/users", "{\"sub\":\"alice\",\"exp\":1.50,\"n\":1e400}"),
            List.of(
                new RegoInput.Field("accept", "a"),
                new RegoInput.Field("x-role", "b"),
                new RegoInput.Field("accept", "c")));
    assertThat(new String(RegoInputWriter.write(input), UTF_8))
        .isEqualTo(
            """
            {"client":{"identity":"web","identities":["web"],"address":"10.1.2.3","port":4711,"tls":true,\
            "certificate":"AAEC"},"server":{"port":8080,"labels":%s},\
            "request":{"method":"GET","scheme":"https","authority":"orders.shop",\
            "path":"/orders/7","query":"page=2","headers":{"accept":["a","c"],"x-role":["b"]}},\
            "tokens":{"shop/users":{"sub":"alice","exp":1.50,"n":1e400}},"time":1700000000000}"""
                .formatted(JSON.writeValueAsString(input.server().labels())));
  }

  @Test
  void whatIsAbsentHasNoMember() throws Exception {
    RegoInput input =
        new RegoInput(
            new RegoInput.Peer(List.of(), "::1", 0, false, Optional.empty()),
            new RegoInput.Server(1, Map.of()),
            new RegoInput.Head("GET", "http", "", "", "", List.of()),
            Map.of(),
            0);
    assertThat(JSON.readTree(RegoInputWriter.write(input)).get("client").toString())
        .isEqualTo("{\"identities\":[],\"address\":\"::1\",\"port\":0,\"tls\":false}");
  }

  @Property
  void whatIsReadBackIsTheSame(
      @ForAll @StringLength(max = 40) @CharRange(from = '\0', to = '\uffff') String path,
      @ForAll @Size(max = 6)
          List<@StringLength(max = 12) @CharRange(from = '\0', to = '\uffff') String> values,
      @ForAll long time)
      throws Exception {
    List<RegoInput.Field> fields = new ArrayList<>();
    Map<String, List<String>> headers = new LinkedHashMap<>();
    for (int i = 0; i < values.size(); i++) {
      String name = i % 2 == 0 ? "x" : values.get(i).toLowerCase(java.util.Locale.ROOT);
      fields.add(new RegoInput.Field(name, values.get(i)));
      headers.computeIfAbsent(whole(name), n -> new ArrayList<>()).add(whole(values.get(i)));
    }
    String claims = JSON.writeValueAsString(Map.of("a", whole(path), "b", values.size()));
    RegoInput input =
        new RegoInput(
            new RegoInput.Peer(List.of("first", path), path, 1, true, Optional.empty()),
            new RegoInput.Server(1, Map.of(path, path)),
            new RegoInput.Head(path, path, path, path, path, fields),
            Map.of(path, claims),
            time);
    JsonNode read = JSON.readTree(RegoInputWriter.write(input));
    String expected = whole(path);
    assertThat(read.at("/client/identity").asText()).isEqualTo("first");
    assertThat(read.at("/client/identities"))
        .isEqualTo(JSON.valueToTree(List.of("first", expected)));
    assertThat(read.at("/client/address").asText()).isEqualTo(expected);
    assertThat(read.at("/server/labels").get(expected).asText()).isEqualTo(expected);
    for (String member : List.of("method", "scheme", "authority", "path", "query")) {
      assertThat(read.at("/request/" + member).asText()).isEqualTo(expected);
    }
    assertThat(read.at("/request/headers")).isEqualTo(JSON.valueToTree(headers));
    assertThat(read.at("/tokens").get(expected)).isEqualTo(JSON.readTree(claims));
    assertThat(read.at("/time").asLong()).isEqualTo(time);
  }

  /** A text as it comes out of UTF-8, with U+FFFD for halves of surrogate pairs. */
  private static String whole(String text) {
    return new String(
        text.codePoints().map(c -> c >= 0xd800 && c < 0xe000 ? 0xfffd : c).toArray(),
        0,
        text.codePointCount(0, text.length()));
  }
}
