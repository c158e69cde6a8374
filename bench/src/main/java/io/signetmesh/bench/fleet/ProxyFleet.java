package io.signetmesh.bench.fleet;

import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.crypto.Signatures;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.ChainVerifier;
import io.signetmesh.identity.pki.ChainVerifier.Purpose;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.identity.workload.IdentityMetrics;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Many proxies' identity clients in one process: the product's {@link IdentityClient}, each with
 * its own connections, its own address on loopback and the token of its service account. Commands
 * come on standard input, a line each; what is printed is for {@link Fleet}.
 */
final class ProxyFleet {
  private static final long LOOK_MILLIS = 100;

  /** Clients that run before the others, so that this process's code is compiled. */
  private static final int WARM = 150;

  private final Member[] members;
  private final CallCounts calls;
  private final PrintStream out = System.out;

  /** Certificates after this count as another one, milliseconds since the epoch. */
  private volatile long since = Long.MAX_VALUE;

  /** What the looking thread goes by. */
  private volatile long sinceSeen = Long.MAX_VALUE;

  /** One proxy. Written by the looking thread, but for the client's start. */
  private static final class Member {
    private final IdentityClient.Config config;
    private final InetAddress source;
    private @Nullable IdentityClient client;
    private volatile long certified;
    private volatile long ready;
    private volatile long again;

    /** What the last certificate had left when the next one came, milliseconds. */
    private volatile long left;

    private long end;
    private boolean lost;

    Member(IdentityClient.Config config, InetAddress source) {
      this.config = config;
      this.source = source;
    }
  }

  private ProxyFleet(Member[] members, CallCounts calls) {
    this.members = members;
    this.calls = calls;
  }

  /** Arguments: address, anchors, directory of tokens, first number, count. */
  public static void main(String[] args) throws Exception {
    Signatures.useNative();
    CallCounts calls = new CallCounts();
    calls.install();
    ControlChannel.Address address = ControlChannel.Address.parse(args[0]);
    TrustBundle anchors =
        new TrustBundle(0, CaFiles.NAMES.trustDomain(), Certificates.readPem(Path.of(args[1])));
    Path tokens = Path.of(args[2]);
    int first = Integer.parseInt(args[3]);
    Member[] members = new Member[Integer.parseInt(args[4])];
    for (int i = 0; i < members.length; i++) {
      members[i] = member(first + i, tokens, anchors, address);
    }
    try (ControlLoops loops = ControlLoops.start(1)) {
      new ProxyFleet(members, calls).serve(loops);
    }
    System.exit(0);
  }

  private static Member member(
      int number, Path tokens, TrustBundle anchors, ControlChannel.Address address) {
    int account = Fleet.account(number);
    return new Member(
        IdentityClient.Config.of(
            Fleet.identity(account).dnsName(),
            tokens.resolve(Integer.toString(account)),
            anchors,
            address,
            CaFiles.NAMES.identityServer().dnsName()),
        InetAddress.ofLiteral(
            "127.%d.%d.%d".formatted(16 + number / 62_500, number / 250 % 250, 1 + number % 250)));
  }

  private void serve(ControlLoops loops) throws IOException, InterruptedException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line;
    while ((line = in.readLine()) != null) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "warm" -> warm(loops);
        case "start" -> start(loops);
        case "join" -> join(loops);
        case "count" -> count();
        case "calls" -> times(calls.micros());
        case "failures" -> failures();
        case "serving" -> serving(words[1]);
        case "mark" -> mark();
        case "first" -> times(member -> member.certified);
        case "ready" -> times(member -> member.ready);
        case "again" -> times(member -> member.again);
        case "left" -> times(member -> member.left);
        default -> throw new IOException("'" + line + "' is no command of a fleet");
      }
    }
  }

  private void warm(ControlLoops loops) throws InterruptedException {
    IdentityClient[] clients = new IdentityClient[Math.min(WARM, members.length)];
    for (int i = 0; i < clients.length; i++) {
      clients[i] =
          IdentityClient.start(members[i].config, loops.from(members[i].source), Clock.systemUTC());
    }
    for (IdentityClient client : clients) {
      client.firstCredentials().join();
    }
    for (IdentityClient client : clients) {
      client.close();
    }
    say("warm");
  }

  /** All at once. */
  private void start(ControlLoops loops) {
    for (Member member : members) {
      start(member, loops).thenRun(() -> member.ready = System.currentTimeMillis());
    }
    say("started");
    Thread.ofPlatform().daemon().name("look").start(this::look);
  }

  private static CompletableFuture<Credentials> start(Member member, ControlLoops loops) {
    IdentityClient client =
        IdentityClient.start(member.config, loops.from(member.source), Clock.systemUTC());
    member.client = client;
    return client.firstCredentials();
  }

  /** One after the other, a few at a time. */
  private void join(ControlLoops loops) {
    say("joining");
    Thread.ofPlatform().daemon().name("look").start(this::look);
    Thread.ofPlatform().daemon().name("join").start(() -> joinAll(loops));
  }

  private void joinAll(ControlLoops loops) {
    Semaphore room = new Semaphore(Fleet.JOINING);
    for (Member member : members) {
      room.acquireUninterruptibly();
      start(member, loops)
          .thenRun(
              () -> {
                member.ready = System.currentTimeMillis();
                room.release();
              });
    }
  }

  /** Calls count from now on. */
  private void count() {
    calls.reset();
    say("counting");
  }

  private void failures() {
    StringBuilder line = new StringBuilder("failures");
    calls
        .failures()
        .forEach((name, count) -> line.append(' ').append(name).append('=').append(count));
    say(line.toString());
  }

  /**
   * Proxies whose leaf verifies under an anchor, and proxies that trust exactly it.
   *
   * @param anchor its SHA-256, lower-case hexadecimal
   */
  private void serving(String anchor) {
    int serving = 0;
    int trusting = 0;
    for (Member member : members) {
      IdentityClient client = member.client;
      Credentials credentials = client == null ? null : client.current();
      if (credentials == null) {
        continue;
      }
      List<X509Certificate> anchors = credentials.trust().anchors();
      trusting += anchors.size() == 1 && isThe(anchors.getFirst(), anchor) ? 1 : 0;
      List<X509Certificate> one = anchors.stream().filter(each -> isThe(each, anchor)).toList();
      serving += !one.isEmpty() && isUnder(credentials, one) ? 1 : 0;
    }
    say("serving " + serving + " " + trusting);
  }

  private static boolean isThe(X509Certificate certificate, String sha256) {
    return HexFormat.of().formatHex(Certificates.sha256(certificate)).equals(sha256);
  }

  private static boolean isUnder(Credentials credentials, List<X509Certificate> anchors) {
    TrustBundle alone = new TrustBundle(0, credentials.trust().trustDomain(), anchors);
    try {
      ChainVerifier.of(alone, Clock.systemUTC())
          .verifyPeer(credentials.certificate().chain(), Purpose.SERVER);
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  private void mark() throws InterruptedException {
    since = System.currentTimeMillis();
    while (sinceSeen != since) {
      Thread.sleep(5);
    }
    say("marked");
  }

  private void look() {
    try {
      while (true) {
        look(System.currentTimeMillis());
        Thread.sleep(LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void look(long now) {
    int certified = 0;
    int ready = 0;
    int again = 0;
    int lost = 0;
    long failures = 0;
    long refreshes = 0;
    long mark = since;
    for (Member member : members) {
      IdentityClient client = member.client;
      if (client == null) {
        continue;
      }
      IdentityMetrics metrics = client.metrics();
      Instant refreshed = metrics.refreshed();
      Instant end = metrics.expiration();
      failures += metrics.failures();
      refreshes += metrics.refreshes();
      if (mark != sinceSeen) {
        member.again = 0;
      }
      if (refreshed != null && end != null) {
        long at = refreshed.toEpochMilli();
        if (member.certified == 0) {
          member.certified = at;
        }
        if (member.again == 0 && at > mark) {
          member.again = at;
        }
        if (end.toEpochMilli() != member.end) {
          member.left = member.end - at;
          member.end = end.toEpochMilli();
        }
        member.lost |= member.end <= now;
      }
      certified += member.certified != 0 ? 1 : 0;
      ready += member.ready != 0 ? 1 : 0;
      again += member.again != 0 ? 1 : 0;
      lost += member.lost ? 1 : 0;
    }
    say(
        ("state certified=%d ready=%d again=%d lost=%d failures=%d refreshes=%d bundles=%d"
                + " reports=%d certifies=%d failed=%d")
            .formatted(
                certified,
                ready,
                again,
                lost,
                failures,
                refreshes,
                calls.bundles(),
                calls.reports(),
                calls.certifies(),
                calls.failed()));
    sinceSeen = mark;
  }

  /** Times in milliseconds since the epoch; 0 for what has not happened. */
  private void times(ToLongFunction<Member> time) {
    times(Arrays.stream(members).mapToLong(time).toArray());
  }

  private void times(long[] times) {
    StringBuilder line = new StringBuilder("times");
    for (long time : times) {
      line.append(' ').append(time);
    }
    say(line.toString());
  }

  private void say(String line) {
    synchronized (out) {
      out.println(line);
      out.flush();
    }
  }
}
