package io.signetmesh.identity.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.signetmesh.v1.IdentityAdminGrpc;
import io.signetmesh.v1.JoinToken;
import io.signetmesh.v1.ListJoinTokensRequest;
import io.signetmesh.v1.ListJoinTokensResponse;
import java.io.IOException;
import java.net.BindException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LocalServerIT {
  @TempDir Path state;

  private final ControlLoops loops = ControlLoops.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    loops.close();
  }

  @Test
  void aCallFindsTheUserAndTheProcessThatMadeIt() throws Exception {
    start(LocalServer.Config.ofOperators(socket()));

    JoinToken told = call();

    assertThat(told.getId()).isEqualTo(Integer.toString(LocalPeer.ownUser()));
    assertThat(told.getIdentity()).isEqualTo(Long.toString(ProcessHandle.current().pid()));
  }

  @Test
  void theSocketIsOfItsOwnerOnlyAndNothingElseIsLeft() throws Exception {
    LocalServer server = start(LocalServer.Config.ofOperators(socket()));

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket())))
        .isEqualTo("rw-------");
    assertThat(names()).containsExactlyInAnyOrder("identity.sock", "identity.sock.lock");

    server.close();
    assertThat(names()).containsExactly("identity.sock.lock");
  }

  @Test
  void whoIsNotAdmittedIsCutBeforeItSaysAnything() throws Exception {
    LocalServer.Config config = LocalServer.Config.ofOperators(socket());
    start(
        new LocalServer.Config(
            config.socket(), config.mode(), peer -> peer.uid() == -7, 1, 16, 8, 65_536));

    assertThatThrownBy(this::call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
  }

  @Test
  void onlySoManyConnectionsAreServedAtOnce() throws Exception {
    LocalServer.Config config = LocalServer.Config.ofOperators(socket());
    start(
        new LocalServer.Config(config.socket(), config.mode(), config.admitted(), 1, 2, 8, 65_536));
    try (SocketChannel first = connect();
        SocketChannel second = connect();
        SocketChannel third = connect()) {
      assertThat(third.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      // The others get the settings of HTTP/2.
      assertThat(first.write(preface())).isPositive();
      assertThat(first.read(ByteBuffer.allocate(1))).isEqualTo(1);
      assertThat(second.isOpen()).isTrue();
    }
  }

  @Test
  void theSocketOfADeadServerIsReplaced() throws Exception {
    // As a killed server leaves it: nobody listens, nobody has the lock.
    try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket()));
    }
    assertThat(socket()).exists();

    start(LocalServer.Config.ofOperators(socket()));

    assertThat(call().getId()).isNotEmpty();
  }

  @Test
  void theSocketOfAServerThatLivesIsNotTaken() throws Exception {
    start(LocalServer.Config.ofOperators(socket()));

    assertThatThrownBy(() -> start(LocalServer.Config.ofOperators(socket())))
        .isInstanceOf(BindException.class)
        .hasMessageContaining(socket() + " is the socket of another server that runs");

    assertThat(call().getId()).isNotEmpty();
  }

  @Test
  void aNameTooLongForASocketIsAnErrorThatSaysSo() throws Exception {
    Path deep = Files.createDirectories(state.resolve("d".repeat(100)));

    assertThatThrownBy(() -> start(LocalServer.Config.ofOperators(deep.resolve("identity.sock"))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("expected at most 107");
  }

  private LocalServer start(LocalServer.Config config) throws IOException {
    LocalServer server = LocalServer.start(config, loops, List.of(new WhoAmI()));
    open.add(server);
    return server;
  }

  private JoinToken call() {
    ManagedChannel channel = ControlChannel.openLocal(socket(), loops);
    open.add(channel::shutdownNow);
    return IdentityAdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(10, TimeUnit.SECONDS)
        .listJoinTokens(ListJoinTokensRequest.getDefaultInstance())
        .getTokens(0);
  }

  private SocketChannel connect() throws IOException {
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket()));
    open.add(channel);
    return channel;
  }

  private static ByteBuffer preface() {
    return ByteBuffer.wrap(
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            .getBytes(StandardCharsets.ISO_8859_1));
  }

  private Path socket() {
    return state.resolve("identity.sock");
  }

  private List<String> names() throws IOException {
    try (var files = Files.list(state)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** Tells the caller who it is. */
  private static final class WhoAmI extends IdentityAdminGrpc.IdentityAdminImplBase {
    @Override
    public void listJoinTokens(
        ListJoinTokensRequest request, StreamObserver<ListJoinTokensResponse> response) {
      LocalPeer peer = LocalPeer.current();
      response.onNext(
          ListJoinTokensResponse.newBuilder()
              .addTokens(
                  JoinToken.newBuilder()
                      .setId(Integer.toString(peer.uid()))
                      .setIdentity(Integer.toString(peer.pid())))
              .build());
      response.onCompleted();
    }
  }
}
