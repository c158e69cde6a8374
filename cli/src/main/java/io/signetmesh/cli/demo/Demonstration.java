package io.signetmesh.cli.demo;

import io.signetmesh.cli.demo.Shop.Client;
import io.signetmesh.cli.demo.Shop.Service;
import io.signetmesh.cli.demo.Verdict.Phase;
import io.signetmesh.cli.demo.service.DemoIssuer.Claims;
import io.signetmesh.cli.demo.service.Greeter;
import io.signetmesh.cli.record.DecisionRecord;
import io.signetmesh.cli.record.JournalTail;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the demo does with a running shop: each client calls each service; then the policy is edited
 * while traffic flows, and the edit is taken back.
 */
final class Demonstration {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration RECORD_LIMIT = Duration.ofSeconds(2);

  /** Far more than it takes; on a busy host everything takes its time. */
  private static final Duration EDIT_LIMIT = Duration.ofSeconds(10);

  /** What the keys of the tokens' issuer may take to be in force. */
  private static final Duration KEYS_LIMIT = Duration.ofSeconds(20);

  private static final long PAUSE_MILLIS = 50;

  /** Further than the clock skew that is tolerated. */
  private static final Duration EXPIRED = Duration.ofMinutes(-5);

  private static final String ORDERS = "/orders";
  private static final String CATALOG = "/catalog";
  private static final String STOCK = "/stock";
  private static final String GREET = "/" + Greeter.SERVICE + "/Greet";
  private static final String CHAT = "/" + Greeter.SERVICE + "/Chat";
  private static final String ACCOUNT = "shop";

  private final ShopMesh mesh;
  private final Shop shop;
  private final Consumer<Verdict> onVerdict;
  private final Map<Service, JournalTail> journals = new EnumMap<>(Service.class);
  private final List<Verdict> verdicts = new ArrayList<>();

  /**
   * Prepares a demonstration.
   *
   * @param onVerdict told each verdict as it comes
   */
  Demonstration(ShopMesh mesh, Consumer<Verdict> onVerdict) {
    this.mesh = mesh;
    this.shop = mesh.shop();
    this.onVerdict = onVerdict;
    for (Service service : Service.values()) {
      journals.put(service, JournalTail.fromStart(mesh.journal(service)));
    }
  }

  /**
   * How the edit of the policy went.
   *
   * @param generation generation of the edited policy
   * @param ports ports whose proxies acknowledged it
   * @param acknowledgedMillis from the edit to the last acknowledgement
   */
  record Edit(long generation, int ports, long acknowledgedMillis) {}

  /**
   * All that was seen.
   *
   * @param verdicts in the order they came
   * @param edit how the edit of the policy went
   */
  record Outcome(List<Verdict> verdicts, Edit edit) {
    /** Whether every verdict was the expected one. */
    boolean asExpected() {
      return verdicts.stream().allMatch(Verdict::asExpected);
    }
  }

  /** Runs it. */
  Outcome run() throws IOException, TimeoutException, InterruptedException {
    awaitKeys();
    ShopMesh.Enforced before = mesh.awaitEnforcement(0, EDIT_LIMIT);
    everyoneCallsEverything();
    customersCallTheirAccounts();
    Edit edit = editWhileTrafficFlows(before.generation());
    return new Outcome(List.copyOf(verdicts), edit);
  }

  // ---- each client calls each service

  private void everyoneCallsEverything() throws IOException, InterruptedException {
    for (Client client : List.of(Client.FRONTEND, Client.INTRUDER, Client.STRANGER)) {
      boolean allowed = client == Client.FRONTEND;
      callWeb(client, allowed);
      callGreeter(client, allowed);
      callLedger(client, allowed);
    }
    callLedger(Client.ACCOUNTING, true);
  }

  // ---- tokens

  /** Waits until the controller has fetched the issuer's keys, and the proxy has them. */
  private void awaitKeys() throws IOException, InterruptedException {
    long end = System.nanoTime() + KEYS_LIMIT.toNanos();
    String token = mesh.issuer().token(Claims.CUSTOMER);
    try (WebClient account = account(Client.FRONTEND)) {
      for (Answer answer = account.get(ORDERS, token);
          !answer.served();
          answer = account.get(ORDERS, token)) {
        if (System.nanoTime() - end > 0) {
          throw new IOException(
              "the account service takes no token after "
                  + KEYS_LIMIT.toSeconds()
                  + " s: "
                  + answer.text());
        }
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      }
    }
  }

  private void customersCallTheirAccounts() throws IOException, InterruptedException {
    Claims good = Claims.CUSTOMER;
    callAccount(Client.FRONTEND, "a customer's token", good, true);
    callAccount(Client.FRONTEND, "no token", null, false);
    callAccount(
        Client.FRONTEND,
        "wrong audience",
        new Claims(good.subject(), "bank", good.role(), good.life()),
        false);
    callAccount(
        Client.FRONTEND,
        "wrong claim",
        new Claims(good.subject(), good.audience(), "supplier", good.life()),
        false);
    callAccount(
        Client.FRONTEND,
        "expired",
        new Claims(good.subject(), good.audience(), good.role(), EXPIRED),
        false);
    callAccount(Client.INTRUDER, "a customer's token", good, false);
  }

  /**
   * @param claims of the token; null: none is sent
   */
  private void callAccount(Client client, String what, @Nullable Claims claims, boolean allowed)
      throws IOException, InterruptedException {
    journal(Service.ACCOUNT).skip();
    try (WebClient account = account(client)) {
      Answer answer = account.get(ORDERS, claims == null ? null : mesh.issuer().token(claims));
      add(
          Phase.AS_WRITTEN,
          client,
          Service.ACCOUNT,
          "GET " + ORDERS + ", " + what,
          allowed,
          answer,
          ORDERS);
    }
  }

  private void callWeb(Client client, boolean allowed) throws IOException, InterruptedException {
    journal(Service.WEB).skip();
    try (WebClient web = web(client)) {
      Answer answer = web.get(CATALOG);
      add(Phase.AS_WRITTEN, client, Service.WEB, "GET " + CATALOG, allowed, answer, CATALOG);
    }
  }

  private void callGreeter(Client client, boolean allowed)
      throws IOException, InterruptedException {
    try (GreeterClient greeter = new GreeterClient(shop.from(client, Service.GREETER), TIMEOUT)) {
      journal(Service.GREETER).skip();
      Answer greeting = greeter.greet(client.label());
      add(Phase.AS_WRITTEN, client, Service.GREETER, "Greet (unary)", allowed, greeting, GREET);
      if (allowed) {
        journal(Service.GREETER).skip();
        Answer chat = greeter.chat(3);
        add(Phase.AS_WRITTEN, client, Service.GREETER, "Chat (both ways)", true, chat, CHAT);
      }
    }
  }

  private void callLedger(Client client, boolean allowed) throws IOException, InterruptedException {
    journal(Service.LEDGER).skip();
    Answer answer =
        LedgerClient.ask(source(client), shop.from(client, Service.LEDGER), ACCOUNT, TIMEOUT);
    add(Phase.AS_WRITTEN, client, Service.LEDGER, "BALANCE " + ACCOUNT, allowed, answer, null);
  }

  private void add(
      Phase phase,
      Client client,
      Service service,
      String request,
      boolean expected,
      Answer answer,
      @Nullable String path)
      throws IOException, InterruptedException {
    add(
        new Verdict(
            phase,
            client,
            service,
            request,
            expected,
            answer,
            onRecord(service, of(client, path)),
            ""));
  }

  private void add(Verdict verdict) {
    verdicts.add(verdict);
    onVerdict.accept(verdict);
  }

  // ---- an edit while traffic flows

  private Edit editWhileTrafficFlows(long generation)
      throws IOException, TimeoutException, InterruptedException {
    journal(Service.LEDGER).skip();
    try (Traffic traffic = new Traffic()) {
      for (Flow flow : traffic.all()) {
        if (flow.await(true, TIMEOUT).isEmpty()) {
          throw new IOException("traffic before the edit was refused");
        }
      }
      DecisionRecord accounting = onRecord(Service.LEDGER, of(Client.ACCOUNTING, null));
      long accountingBefore = traffic.accounting.served();
      journals.values().forEach(Demonstration::skip);

      long edited = System.nanoTime();
      shop.dismissStorefront(mesh.manifests());
      edited(Service.WEB, "GET " + STOCK + " again and again", traffic.web, STOCK, edited, false);
      edited(Service.GREETER, "Chat, an open stream", traffic.chat, CHAT, edited, false);
      edited(Service.LEDGER, "an open connection", traffic.ledger, null, edited, false);
      ShopMesh.Enforced enforced = mesh.awaitEnforcement(generation, EDIT_LIMIT);
      final long acknowledged = millisSince(edited);

      journals.values().forEach(Demonstration::skip);
      long restored = System.nanoTime();
      shop.reinstateStorefront(mesh.manifests());
      edited(Service.WEB, "GET " + STOCK + " again and again", traffic.web, STOCK, restored, true);
      edited(Service.GREETER, "Chat, a new stream", traffic.chat, CHAT, restored, true);
      edited(Service.LEDGER, "a new connection", traffic.ledger, null, restored, true);

      long answers = traffic.accounting.served() - accountingBefore;
      long errors = traffic.accounting.refused();
      add(
          new Verdict(
              Phase.RESTORED,
              Client.ACCOUNTING,
              Service.LEDGER,
              "the connection open all the while",
              true,
              errors == 0 && answers > 0 ? Answer.served("OK") : Answer.refused("interrupted"),
              accounting,
              answers + " answers, " + errors + " errors"));
      return new Edit(enforced.generation(), enforced.ports(), acknowledged);
    }
  }

  /** One flow of the frontend after an edit. */
  private void edited(
      Service service,
      String request,
      Flow flow,
      @Nullable String path,
      long since,
      boolean allowed)
      throws IOException, InterruptedException {
    Optional<Flow.Turn> turn = flow.await(allowed, EDIT_LIMIT);
    long millis = turn.map(seen -> (seen.nanos() - since) / 1_000_000).orElse(-1L);
    Predicate<DecisionRecord> wanted =
        of(Client.FRONTEND, path).and(record -> record.allowed() == allowed);
    add(
        new Verdict(
            allowed ? Phase.RESTORED : Phase.EDITED,
            Client.FRONTEND,
            service,
            request,
            allowed,
            turn.map(Flow.Turn::answer)
                .orElse(allowed ? Answer.refused("still refused") : Answer.served("still served")),
            onRecord(service, wanted),
            millis < 0 ? "not after " + EDIT_LIMIT.toSeconds() + " s" : "after " + millis + " ms"));
  }

  /** Requests that go on and on, each kind on one connection for as long as it lasts. */
  private final class Traffic implements AutoCloseable {
    private final WebClient webClient = web(Client.FRONTEND);
    private final GreeterClient greeterClient =
        new GreeterClient(shop.from(Client.FRONTEND, Service.GREETER), TIMEOUT);
    private final LedgerCalls frontendLedger = new LedgerCalls(Client.FRONTEND);
    private final LedgerCalls accountingLedger = new LedgerCalls(Client.ACCOUNTING);
    private GreeterClient.@Nullable Chat stream;

    private final Flow web = Flow.start("demo-web", () -> webClient.get(STOCK));
    private final Flow chat = Flow.start("demo-chat", this::say);
    private final Flow ledger = Flow.start("demo-ledger", frontendLedger::ask);
    private final Flow accounting = Flow.start("demo-accounting", accountingLedger::ask);

    List<Flow> all() {
      return List.of(web, chat, ledger, accounting);
    }

    private Answer say() throws InterruptedException {
      GreeterClient.Chat open = stream;
      if (open == null) {
        open = greeterClient.openChat();
      }
      Answer answer = open.say("still there?");
      stream = answer.served() ? open : null;
      return answer;
    }

    @Override
    public void close() {
      for (Flow flow : all()) {
        flow.close();
      }
      webClient.close();
      greeterClient.close();
      frontendLedger.close();
      accountingLedger.close();
    }
  }

  /** Questions on one ledger connection, and on a new one each time it was closed. */
  private final class LedgerCalls implements AutoCloseable {
    private final Client client;
    private @Nullable LedgerClient connection;

    LedgerCalls(Client client) {
      this.client = client;
    }

    Answer ask() {
      try {
        LedgerClient open = connection;
        if (open == null) {
          open = LedgerClient.connect(source(client), shop.from(client, Service.LEDGER), TIMEOUT);
          connection = open;
        }
        Answer answer = open.balance(ACCOUNT);
        if (!answer.served()) {
          close();
        }
        return answer;
      } catch (IOException e) {
        return Answer.refused("" + e.getMessage());
      }
    }

    @Override
    public void close() {
      LedgerClient open = connection;
      connection = null;
      if (open != null) {
        open.close();
      }
    }
  }

  // ---- clients and records

  private WebClient account(Client client) {
    return new WebClient(source(client), shop.from(client, Service.ACCOUNT), TIMEOUT);
  }

  private WebClient web(Client client) {
    return new WebClient(source(client), shop.from(client, Service.WEB), TIMEOUT);
  }

  private @Nullable InetAddress source(Client client) {
    return client.isMeshed() ? null : shop.source(client);
  }

  private static Predicate<DecisionRecord> of(Client client, @Nullable String path) {
    return record -> {
      String identity = record.clientIdentity();
      return (client.isMeshed()
              ? identity != null && identity.startsWith(client.label() + "." + Shop.NAMESPACE + ".")
              : identity == null)
          && (path == null || path.equals(record.path()));
    };
  }

  private @Nullable DecisionRecord onRecord(Service service, Predicate<DecisionRecord> wanted)
      throws IOException, InterruptedException {
    return journal(service).await(wanted, RECORD_LIMIT).orElse(null);
  }

  private JournalTail journal(Service service) {
    JournalTail journal = journals.get(service);
    if (journal == null) {
      throw new IllegalStateException("no journal of " + service);
    }
    return journal;
  }

  private static void skip(JournalTail journal) {
    try {
      journal.skip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }
}
