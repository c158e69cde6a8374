package io.signetmesh.identity.spiffe;

import io.signetmesh.identity.channel.LocalPeer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;

/**
 * The directory of the socket. Who can write to it, or to one above it, can put a socket of its own
 * in the place of the agent's, and give workloads keys and trust anchors.
 */
final class SocketDirectory {
  private static final int WRITABLE_BY_OTHERS = 0022;
  private static final int STICKY = 01000;

  private SocketDirectory() {}

  /**
   * Makes the directory of a socket with mode 0755 unless it is there, and checks it.
   *
   * @throws IOException when somebody else than root and this user can replace the socket
   */
  static void require(Path socket) throws IOException {
    Path parent = Objects.requireNonNull(socket.toAbsolutePath().normalize().getParent());
    if (!Files.exists(parent)) {
      Files.createDirectory(
          parent,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    }
    int own = LocalPeer.ownUser();
    Path directory = parent.toRealPath();
    for (Path at = directory; at != null; at = at.getParent()) {
      int owner = (Integer) Files.getAttribute(at, "unix:uid");
      int mode = (Integer) Files.getAttribute(at, "unix:mode");
      if (owner != 0 && owner != own) {
        throw new IOException(
            "directory "
                + at
                + " of the socket belongs to user "
                + owner
                + ": expected 0 or "
                + own);
      }
      boolean open = (mode & WRITABLE_BY_OTHERS) != 0;
      // In a sticky directory nobody replaces what others have, but anyone may be first.
      if (open && (at.equals(directory) || (mode & STICKY) == 0)) {
        throw new IOException(
            "directory "
                + at
                + " of the socket is writable by others (mode "
                + Integer.toOctalString(mode & 07777)
                + "): expected 0755");
      }
    }
  }
}
