package io.signetmesh.identity.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NodeIdentityTest {
  private static final String SUFFIX = ".signet.serviceaccount.identity.signet.cluster.local";

  private static String name(String node) {
    return NodeIdentity.of(node, "signet", "cluster.local").dnsName();
  }

  @Test
  void aNameThatIsALabelStaysReadable() {
    assertThat(name("n1")).isEqualTo("node-n1" + SUFFIX);
    assertThat(name("a-b")).isEqualTo("node-a-b" + SUFFIX);
    assertThat(name("a".repeat(58))).isEqualTo("node-" + "a".repeat(58) + SUFFIX);
  }

  @Test
  void otherNamesAreRepresentedByTheirDigest() {
    // printf ip-10-0-0-1.eu-west-1.compute.internal | sha256sum | cut -c 1-56
    assertThat(NodeIdentity.serviceAccount("ip-10-0-0-1.eu-west-1.compute.internal"))
        .isEqualTo("node--6beef57290e6da1fb7b65c207f528bf1b3aec237b71d32c9ee7a5a3f");
    List<String> names =
        List.of("a.b", "a.b.c", "a".repeat(59), "a".repeat(63), "a".repeat(64), "a".repeat(253));
    assertThat(names)
        .extracting(NodeIdentity::serviceAccount)
        .doesNotHaveDuplicates()
        .allMatch(account -> account.matches("node--[0-9a-f]{56}"));
  }

  /** The digest of one node cannot be the name of another: no name starts with a hyphen. */
  @Test
  void noNodeCanHaveTheNameThatStandsForADigest() {
    String account = NodeIdentity.serviceAccount("a.b");
    assertThatThrownBy(() -> name(account.substring(NodeIdentity.PREFIX.length())))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Property
  void differentNodesHaveDifferentIdentities(
      @ForAll("nodes") String one, @ForAll("nodes") String other) {
    assertThat(name(one).equals(name(other))).isEqualTo(one.equals(other));
  }

  @Provide
  Arbitrary<String> nodes() {
    Arbitrary<String> label = Arbitraries.strings().withChars("a0-").ofMinLength(1).ofMaxLength(70);
    return label
        .list()
        .ofMinSize(1)
        .ofMaxSize(3)
        .map(labels -> String.join(".", labels))
        .filter(
            text ->
                List.of(text.split("\\.", -1)).stream()
                    .noneMatch(l -> l.startsWith("-") || l.endsWith("-")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "N1", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "a/b", "\u00fc", "a\n"})
  void whatIsNoNameOfANodeHasNoIdentity(String node) {
    assertThatThrownBy(() -> name(node))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("node name");
    assertThatThrownBy(() -> name("a".repeat(254))).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "node-n1.signet.serviceaccount.identity.signet.cluster.local",
        "node-exporter.signet.serviceaccount.identity.signet.cluster.local",
        "node--ff.signet.serviceaccount.identity.signet.cluster.local",
        "spiffe://cluster.local/ns/signet/sa/node-n1"
      })
  void namesOfNodesAreReserved(String name) {
    assertThat(NodeIdentity.isReserved(name, "signet", "cluster.local")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "node.signet.serviceaccount.identity.signet.cluster.local",
        "nodes-n1.signet.serviceaccount.identity.signet.cluster.local",
        "node-n1.shop.serviceaccount.identity.signet.cluster.local",
        "node-n1.signet.serviceaccount.identity.other.cluster.local",
        "node-n1.signet.serviceaccount.identity.signet.other.local",
        "spiffe://other.local/ns/signet/sa/node-n1",
        "spiffe://cluster.local/ns/shop/sa/node-n1",
        "node-n1",
        ""
      })
  void otherNamesAreNot(String name) {
    assertThat(NodeIdentity.isReserved(name, "signet", "cluster.local")).isFalse();
  }
}
