package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.IpBits;
import io.signetmesh.proxy.authorize.IpBits.Prefix;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Effect;
import io.signetmesh.proxy.authorize.compile.NetworkIndex.Network;
import java.lang.management.ManagementFactory;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;

/**
 * The index decides as a reading of the list does. Addresses and names come from so few values that
 * networks nest, holes cut them and suffixes overlap all the time.
 */
class AuthorizationIndexProperties {
  private static final String[] LABELS = {"a", "b", "c"};

  @Property(tries = 20_000)
  void decidesLikeAReadingOfTheList(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    List<Authorization> list = authorizations(random, random.nextInt(14));
    AuthorizationIndex index = new AuthorizationIndex(list, Effect.ALLOW, 3);
    for (int i = 0; i < 5; i++) {
      Client client = client(random);

      Authorization expected = null;
      for (Authorization one : list) {
        if (expected == null && asks(one, client) && reaches(one, client)) {
          expected = one;
        }
      }

      Decision allowed = index.first(client);
      assertThat(allowed == null ? null : allowed.authorization())
          .isEqualTo(expected == null ? null : expected.ref());
      if (expected == null) {
        assertNearest(list, client, index.nearestMiss(client));
      } else {
        assertThat(allowed).extracting(Decision::allowed).isEqualTo(true);
      }
    }
  }

  private static void assertNearest(
      List<Authorization> list, Client client, @Nullable Decision miss) {
    if (list.isEmpty()) {
      assertThat(miss).isNull();
      return;
    }
    Authorization nearest = null;
    boolean byClient = false;
    for (Authorization one : list) {
      if (nearest == null && asks(one, client)) {
        nearest = one;
        byClient = true;
      }
    }
    for (Authorization one : list) {
      if (nearest == null && reaches(one, client)) {
        nearest = one;
      }
    }
    assertThat(miss).isNotNull();
    assertThat(miss.allowed()).isFalse();
    assertThat(miss.authorization())
        .isEqualTo(nearest == null ? list.getFirst().ref() : nearest.ref());
    assertThat(miss.failedAttribute())
        .isEqualTo(byClient ? "network" : client.meshTls() ? "identity" : "tls");
  }

  @Example
  void decidingAllocatesNothing() throws Exception {
    Random random = new Random(7);
    AuthorizationIndex index = new AuthorizationIndex(authorizations(random, 200), Effect.ALLOW, 3);
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      clients.add(client(random));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().threadId();
    int allowed = decide(index, clients, 2_000);

    long before = threads.getThreadAllocatedBytes(thread);
    allowed += decide(index, clients, 2_000);
    long bytes = threads.getThreadAllocatedBytes(thread) - before;

    assertThat(allowed).isPositive();
    // 128,000 decisions: less than a byte for each; what is left is the measuring.
    assertThat(bytes).isLessThan(64 * 1024);
  }

  private static int decide(AuthorizationIndex index, List<Client> clients, int rounds) {
    int allowed = 0;
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < clients.size(); i++) {
        if (index.first(clients.get(i)) != null) {
          allowed++;
        } else {
          index.nearestMiss(clients.get(i));
        }
      }
    }
    return allowed;
  }

  // ---- the reading

  private static boolean asks(Authorization authorization, Client client) {
    return switch (authorization.authentication()) {
      case Authentication.None none -> true;
      case Authentication.MeshTls tls -> client.meshTls();
      case Authentication.Identities wanted -> {
        String identity = client.identity();
        yield identity != null
            && (wanted.exact().contains(identity)
                || wanted.suffixes().stream().anyMatch(suffix -> ends(identity, suffix)));
      }
    };
  }

  private static boolean ends(String identity, List<String> suffix) {
    return !identity.contains(":")
        && (suffix.isEmpty() || identity.endsWith("." + String.join(".", suffix)));
  }

  private static boolean reaches(Authorization authorization, Client client) {
    return authorization.networks().stream()
        .anyMatch(
            network ->
                in(client, network.net())
                    && network.except().stream().noneMatch(hole -> in(client, hole)));
  }

  private static boolean in(Client client, Prefix prefix) {
    boolean ipv4 = prefix.length() >= 96 && prefix.high() == 0 && prefix.low() >>> 32 == 0xffff;
    if (ipv4 != client.address() instanceof Inet4Address) {
      return false;
    }
    for (int bit = 0; bit < prefix.length(); bit++) {
      if (IpBits.bit(client.high(), client.low(), bit)
          != IpBits.bit(prefix.high(), prefix.low(), bit)) {
        return false;
      }
    }
    return true;
  }

  // ---- random authorizations and clients

  private static List<Authorization> authorizations(Random random, int count) {
    List<Authorization> list = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<Network> networks = new ArrayList<>();
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        List<Prefix> except = new ArrayList<>();
        for (int e = random.nextInt(3); e > 0; e--) {
          except.add(prefix(random));
        }
        networks.add(new Network(prefix(random), except));
      }
      list.add(
          new Authorization(
              new ResourceRef("policy.linkerd.io", "authorizationpolicy", "p" + i),
              networks,
              authentication(random)));
    }
    return list;
  }

  private static Authentication authentication(Random random) {
    return switch (random.nextInt(5)) {
      case 0 -> new Authentication.None();
      case 1 -> new Authentication.MeshTls();
      default -> {
        List<String> exact = new ArrayList<>();
        List<List<String>> suffixes = new ArrayList<>();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
          if (random.nextBoolean()) {
            exact.add(identity(random));
          } else {
            suffixes.add(List.of(name(random, random.nextInt(3)).split("\\.")));
          }
        }
        suffixes.replaceAll(suffix -> suffix.getFirst().isEmpty() ? List.of() : suffix);
        yield new Authentication.Identities(exact, suffixes);
      }
    };
  }

  private static Client client(Random random) throws UnknownHostException {
    byte[] address =
        random.nextBoolean()
            ? new byte[] {10, 0, 0, (byte) random.nextInt(16)}
            : new byte[] {
              0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) random.nextInt(16)
            };
    boolean tls = random.nextInt(4) > 0;
    return new Client(
        InetAddress.getByAddress(address),
        tls,
        tls && random.nextInt(4) > 0 ? identity(random) : null);
  }

  private static String identity(Random random) {
    return random.nextInt(6) == 0 ? "spiffe://a/b.c" : name(random, 1 + random.nextInt(3));
  }

  private static String name(Random random, int labels) {
    StringBuilder name = new StringBuilder();
    for (int i = 0; i < labels; i++) {
      name.append(i == 0 ? "" : ".").append(LABELS[random.nextInt(LABELS.length)]);
    }
    return name.toString();
  }

  /** Mostly the last bits of one IPv4 and one IPv6 network; now and then everything. */
  private static Prefix prefix(Random random) {
    if (random.nextInt(6) == 0) {
      return random.nextBoolean() ? IpBits.IPV4 : IpBits.IPV6;
    }
    int length = 124 + random.nextInt(5);
    long last = random.nextInt(16);
    return random.nextBoolean()
        ? new Prefix(0, IpBits.mappedLow(0x0a00_0000 | (int) last), length)
        : new Prefix(0x2001_0000_0000_0000L, last, length);
  }
}
