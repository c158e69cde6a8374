package io.signetmesh.policy.fetch;

import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.policy.document.DocumentLocation;
import java.io.IOException;
import java.time.InstantSource;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads that fetch documents, and the clock that drives them. */
public final class DocumentRefresh implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DocumentRefresh.class);
  private static final long TICK_MILLIS = 200;
  private static final long IDLE_SECONDS = 30;

  private final Documents documents;
  private final HttpsDocuments fetcher;
  private final ExecutorService fetches;
  private final ScheduledExecutorService ticks;

  private DocumentRefresh(Documents documents, HttpsDocuments fetcher, ExecutorService fetches) {
    this.documents = documents;
    this.fetcher = fetcher;
    this.fetches = fetches;
    this.ticks =
        Executors.newSingleThreadScheduledExecutor(
            new DefaultThreadFactory("policy-documents", true));
  }

  /**
   * Makes what fetches; nothing is fetched before {@link #start}.
   *
   * @throws IOException when the directory that keeps documents cannot be made
   */
  public static DocumentRefresh open(FetchSettings settings, InstantSource clock)
      throws IOException {
    DocumentMemory memory =
        settings.memory() == null ? DocumentMemory.none() : new DocumentFiles(settings.memory());
    HttpsDocuments fetcher = new HttpsDocuments(new FetchNetworks(settings.networks()));
    BundleDirectory bundles = new BundleDirectory(settings.bundles());
    ExecutorService fetches =
        new ThreadPoolExecutor(
            0,
            Documents.MAX_FETCHES,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            new DefaultThreadFactory("policy-fetch", true));
    return new DocumentRefresh(
        new Documents(
            location ->
                location.kind() == DocumentLocation.Kind.BUNDLE_FILE
                    ? bundles.fetch(location)
                    : fetcher.fetch(location),
            memory,
            fetches,
            clock,
            RandomGenerator.getDefault()),
        fetcher,
        fetches);
  }

  /** The documents. */
  public Documents documents() {
    return documents;
  }

  /** Publishes what is remembered, and then goes on with what is fetched. */
  public void start(Documents.Sink sink) {
    documents.tick(sink);
    documents.forgetOthers();
    ticks.scheduleWithFixedDelay(
        () -> {
          try {
            documents.tick(sink);
          } catch (RuntimeException | Error e) {
            // A clock that stopped would end all documents in time, with nobody told.
            LOG.error("key documents and bundles: a step failed", e);
          }
        },
        TICK_MILLIS,
        TICK_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /** Stops without waiting for what is under way. */
  @Override
  public void close() {
    documents.close();
    ticks.shutdownNow();
    fetches.shutdownNow();
    fetcher.close();
  }
}
