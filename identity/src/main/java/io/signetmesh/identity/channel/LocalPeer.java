package io.signetmesh.identity.channel;

import io.grpc.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The process at the other end of a Unix socket, as the kernel reported it when the process
 * connected (SO_PEERCRED, unix(7)).
 *
 * @param uid effective user id
 * @param gid effective group id
 * @param pid process id; 0 when it is in another process namespace
 */
public record LocalPeer(int uid, int gid, int pid) {
  /** The peer of the call that the current {@link Context} belongs to; null outside of one. */
  static final Context.Key<LocalPeer> KEY = Context.key("signet-local-peer");

  /**
   * The peer of the current call.
   *
   * @throws IllegalStateException when the call did not come through a {@link LocalServer}
   */
  public static LocalPeer current() {
    LocalPeer peer = KEY.get();
    if (peer == null) {
      throw new IllegalStateException("the call did not come through a Unix socket");
    }
    return peer;
  }

  /**
   * Effective user id of this process.
   *
   * @throws IOException when {@code /proc/self/status} cannot be read
   */
  public static int ownUser() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Uid:")) {
        return Integer.parseInt(line.strip().split("\\s+")[2]);
      }
    }
    throw new IOException("/proc/self/status has no line Uid");
  }
}
