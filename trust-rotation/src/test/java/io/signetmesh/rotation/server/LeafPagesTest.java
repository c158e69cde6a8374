package io.signetmesh.rotation.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.stub.ServerCallStreamObserver;
import io.signetmesh.rotation.Member;
import io.signetmesh.v1.ListLeavesResponse;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class LeafPagesTest {
  private static final Instant NOW = Instant.parse("2026-06-01T00:00:00Z");

  private final Reader reader = new Reader();

  @Test
  void aPartIsMadeWhenTheOnesBeforeAreTaken() {
    reader.ready = false;
    pages(2_500).send(reader);
    assertThat(reader.parts).isEmpty();

    for (int i = 1; i <= 3; i++) {
      assertThat(reader.ended).isFalse();
      reader.take();
      assertThat(reader.parts).hasSize(i);
    }
    assertThat(reader.ended).isTrue();
    assertThat(reader.parts.stream().mapToInt(ListLeavesResponse::getLeavesCount))
        .containsExactly(1_000, 1_000, 500);
    assertThat(reader.parts).allMatch(ListLeavesResponse::getTellsNeeds);
    reader.take();
    assertThat(reader.parts).hasSize(3);
  }

  @Test
  void aMeshWithoutLeavesIsToldInOnePart() {
    pages(0).send(reader);

    assertThat(reader.parts).singleElement().matches(ListLeavesResponse::getTellsNeeds);
    assertThat(reader.ended).isTrue();
  }

  @Test
  void nothingIsMadeForACallerThatHasLeft() {
    reader.cancelled = true;
    pages(10).send(reader);

    assertThat(reader.parts).isEmpty();
  }

  private static LeafPages pages(int leaves) {
    List<Member> fleet = new ArrayList<>();
    for (int i = 0; i < leaves; i++) {
      fleet.add(
          new Member(
              "w" + i,
              "",
              Integer.toHexString(i + 1),
              Member.Presence.SILENT,
              NOW,
              "",
              "",
              "",
              NOW.plusSeconds(60),
              Map.of()));
    }
    return new LeafPages(List.of(), null, fleet, NOW);
  }

  /** A caller that takes one message at a time. */
  private static final class Reader extends ServerCallStreamObserver<ListLeavesResponse> {
    final List<ListLeavesResponse> parts = new ArrayList<>();
    boolean ready = true;
    boolean cancelled;
    boolean ended;
    private @Nullable Runnable onReady;

    void take() {
      ready = true;
      Objects.requireNonNull(onReady).run();
    }

    @Override
    public void onNext(ListLeavesResponse part) {
      parts.add(part);
      ready = false;
    }

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void setOnReadyHandler(Runnable handler) {
      onReady = handler;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }

    @Override
    public void onCompleted() {
      ended = true;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void setCompression(String compression) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void disableAutoInboundFlowControl() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void request(int count) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void setMessageCompression(boolean enable) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void onError(Throwable failure) {
      throw new AssertionError(failure);
    }
  }
}
