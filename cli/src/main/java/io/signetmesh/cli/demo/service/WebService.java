package io.signetmesh.cli.demo.service;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * HTTP/1.1. Says who the mesh says is calling, and for which customer, which the application learns
 * from headers.
 */
final class WebService implements AutoCloseable {
  private final HttpServer server;
  private final ExecutorService workers;

  private WebService(HttpServer server, ExecutorService workers) {
    this.server = server;
    this.workers = workers;
  }

  static WebService start(InetSocketAddress listen) throws IOException {
    HttpServer server = HttpServer.create(listen, 128);
    ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor();
    server.setExecutor(workers);
    server.createContext("/", WebService::answer);
    server.start();
    return new WebService(server, workers);
  }

  private static void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getRequestBody().readAllBytes();
      String client = exchange.getRequestHeaders().getFirst("l5d-client-id");
      String customer = exchange.getRequestHeaders().getFirst("x-customer");
      byte[] body =
          ("web: "
                  + exchange.getRequestMethod()
                  + " "
                  + exchange.getRequestURI().getPath()
                  + " for "
                  + (client == null ? "a client without identity" : client)
                  + (customer == null ? "" : ", customer " + customer)
                  + "\n")
              .getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    workers.shutdownNow();
  }
}
