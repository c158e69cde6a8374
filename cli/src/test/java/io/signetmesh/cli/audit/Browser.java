package io.signetmesh.cli.audit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A headless Chromium with one page, spoken to by its DevTools protocol. It tells what the page
 * asked the network for and what went wrong in it.
 */
final class Browser implements AutoCloseable {
  private static final Pattern LISTENING = Pattern.compile("DevTools listening on (ws://\\S+)");
  private static final int LIMIT_SECONDS = 60;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process process;
  private final HttpClient client = HttpClient.newHttpClient();
  private final WebSocket socket;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
  private final BlockingQueue<String> loaded = new LinkedBlockingQueue<>();
  private final List<String> requests = new ArrayList<>();
  private final List<String> errors = new ArrayList<>();
  private String session = "";

  /**
   * Starts it.
   *
   * @param profile directory of its own
   */
  Browser(Path profile) throws IOException {
    process =
        new ProcessBuilder(
                "chromium",
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-extensions",
                "--no-first-run",
                "--user-data-dir=" + profile,
                "--remote-debugging-port=0",
                "about:blank")
            .redirectErrorStream(true)
            .start();
    socket =
        client
            .newWebSocketBuilder()
            .buildAsync(URI.create(address(process.inputReader())), new Listener())
            .orTimeout(LIMIT_SECONDS, TimeUnit.SECONDS)
            .join();
    String target =
        call("Target.createTarget", Map.of("url", "about:blank")).path("targetId").asText();
    session =
        call("Target.attachToTarget", Map.of("targetId", target, "flatten", true))
            .path("sessionId")
            .asText();
    for (String domain : List.of("Page", "Runtime", "Network", "Log")) {
      call(domain + ".enable", Map.of());
    }
  }

  private static String address(BufferedReader output) throws IOException {
    StringBuilder said = new StringBuilder();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      Matcher matcher = LISTENING.matcher(line);
      if (matcher.find()) {
        // What it says later must not fill the pipe.
        Thread.ofVirtual().start(() -> output.lines().forEach(_ -> {}));
        return matcher.group(1);
      }
      said.append(line).append('\n');
    }
    throw new AssertionError("chromium does not start: " + said);
  }

  private JsonNode call(String method, Map<String, Object> parameters) {
    int id = ids.incrementAndGet();
    ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method);
    message.set("params", JSON.valueToTree(parameters));
    if (!session.isEmpty()) {
      message.put("sessionId", session);
    }
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    socket.sendText(message.toString(), true).orTimeout(LIMIT_SECONDS, TimeUnit.SECONDS).join();
    JsonNode node = answer.orTimeout(LIMIT_SECONDS, TimeUnit.SECONDS).join();
    if (node.has("error")) {
      throw new AssertionError(method + ": " + node.path("error"));
    }
    return node.path("result");
  }

  /** Sets the width of the window, and whether the reader wants dark pages. */
  void view(int width, boolean isDark) {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", 800, "deviceScaleFactor", 1, "mobile", width < 500));
    call(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(Map.of("name", "prefers-color-scheme", "value", isDark ? "dark" : "light"))));
  }

  /** Opens a page, and waits until it is there. */
  void open(URI page) throws InterruptedException {
    loaded.clear();
    JsonNode answer = call("Page.navigate", Map.of("url", page.toString()));
    if (answer.has("errorText") || loaded.poll(LIMIT_SECONDS, TimeUnit.SECONDS) == null) {
      throw new AssertionError(page + " does not open: " + answer);
    }
  }

  /** What an expression of JavaScript is. */
  JsonNode evaluate(String expression) {
    JsonNode answer =
        call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true));
    if (answer.has("exceptionDetails")) {
      throw new AssertionError(expression + ": " + answer.path("exceptionDetails"));
    }
    return answer.path("result").path("value");
  }

  /** URLs that pages asked for. */
  synchronized List<String> requests() {
    return List.copyOf(requests);
  }

  /** What went wrong in pages, and what they said. */
  synchronized List<String> errors() {
    return List.copyOf(errors);
  }

  private synchronized void told(JsonNode event) {
    JsonNode parameters = event.path("params");
    switch (event.path("method").asText()) {
      case "Page.loadEventFired" -> loaded.add("loaded");
      case "Page.javascriptDialogOpening" -> errors.add("dialog: " + parameters);
      case "Network.requestWillBeSent" ->
          requests.add(parameters.path("request").path("url").asText());
      case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded" ->
          errors.add(parameters.toString());
      default -> {
        // Of no interest.
      }
    }
  }

  @Override
  public void close() throws InterruptedException {
    socket.abort();
    client.shutdownNow();
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
  }

  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence part, boolean isLast) {
      text.append(part);
      if (isLast) {
        try {
          JsonNode message = JSON.readTree(text.toString());
          CompletableFuture<JsonNode> answer = waiting.remove(message.path("id").asInt(-1));
          if (answer != null) {
            answer.complete(message);
          } else {
            told(message);
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        } finally {
          text.setLength(0);
        }
      }
      from.request(1);
      return null;
    }
  }
}
