package io.signetmesh.cli.demo;

import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The frontend calls all three services without a pause, on connections and streams that stay open
 * and on new ones.
 */
final class RotationTraffic implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final String STOCK = "/stock";
  private static final String ACCOUNT = "shop";

  private final InetSocketAddress ledger;
  private final WebClient kept;
  private final GreeterClient greeter;
  private final Map<String, Flow> flows = new LinkedHashMap<>();
  private GreeterClient.@Nullable Chat stream;
  private @Nullable LedgerClient connection;

  private RotationTraffic(Shop shop) {
    InetSocketAddress web = shop.from(Client.FRONTEND, Service.WEB);
    ledger = shop.from(Client.FRONTEND, Service.LEDGER);
    kept = new WebClient(null, web, TIMEOUT);
    greeter = new GreeterClient(shop.from(Client.FRONTEND, Service.GREETER), TIMEOUT);
    flows.put("HTTP/1.1, one connection", Flow.start("rotation-http", () -> kept.get(STOCK)));
    flows.put("HTTP/1.1, new connections", Flow.start("rotation-new-http", () -> once(web)));
    flows.put("gRPC, one stream", Flow.start("rotation-grpc", this::say));
    flows.put("TCP, one connection", Flow.start("rotation-tcp", this::ask));
    flows.put(
        "TCP, new connections",
        Flow.start("rotation-new-tcp", () -> LedgerClient.ask(null, ledger, ACCOUNT, TIMEOUT)));
  }

  /** Starts all flows. */
  static RotationTraffic start(Shop shop) {
    return new RotationTraffic(shop);
  }

  private static Answer once(InetSocketAddress web) {
    try (WebClient client = new WebClient(null, web, TIMEOUT)) {
      return client.get(STOCK);
    }
  }

  private Answer say() throws InterruptedException {
    GreeterClient.Chat open = stream;
    if (open == null) {
      open = greeter.openChat();
    }
    Answer answer = open.say("still there?");
    // A stream that has ended counts as a failure once; the next one is another stream.
    stream = answer.served() ? open : null;
    return answer;
  }

  private Answer ask() {
    try {
      LedgerClient open = connection;
      if (open == null) {
        open = LedgerClient.connect(null, ledger, TIMEOUT);
        connection = open;
      }
      Answer answer = open.balance(ACCOUNT);
      if (!answer.served()) {
        open.close();
        connection = null;
      }
      return answer;
    } catch (IOException e) {
      return Answer.refused(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Waits until each flow has been served some more times.
   *
   * @return whether each was, within {@code limit}
   */
  boolean awaitMore(int answers, Duration limit) throws InterruptedException {
    Map<String, Long> before = served();
    long end = System.nanoTime() + limit.toNanos();
    while (!served().entrySet().stream()
        .allMatch(flow -> flow.getValue() >= before.getOrDefault(flow.getKey(), 0L) + answers)) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      TimeUnit.MILLISECONDS.sleep(5);
    }
    return true;
  }

  /** Answers so far, by the name of the flow. */
  Map<String, Long> served() {
    Map<String, Long> served = new LinkedHashMap<>();
    flows.forEach((name, flow) -> served.put(name, flow.served()));
    return served;
  }

  /** Requests that failed so far. */
  long failed() {
    return flows.values().stream().mapToLong(Flow::refused).sum();
  }

  /** The first failure of some flow; empty when there is none. */
  Optional<String> firstFailure() {
    for (Map.Entry<String, Flow> flow : flows.entrySet()) {
      Answer refused = flow.getValue().firstRefusal();
      if (refused != null) {
        return Optional.of(flow.getKey() + ": " + refused.text());
      }
    }
    return Optional.empty();
  }

  @Override
  public void close() {
    flows.values().forEach(Flow::close);
    kept.close();
    greeter.close();
    LedgerClient open = connection;
    if (open != null) {
      open.close();
    }
  }
}
