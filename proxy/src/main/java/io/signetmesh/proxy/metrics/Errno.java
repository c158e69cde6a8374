package io.signetmesh.proxy.metrics;

import io.netty.channel.unix.Errors;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Symbolic names of the I/O errors that end connections. */
final class Errno {
  private Errno() {}

  /** Symbolic name as in errno(3); empty for an orderly end or an error that has none. */
  static String of(@Nullable Throwable cause) {
    for (Throwable at = cause; at != null; at = at.getCause()) {
      if (at instanceof Errors.NativeIoException nativeError) {
        String name = byNumber(Math.abs(nativeError.expectedErr()));
        if (!name.isEmpty()) {
          return name;
        }
      }
      String message = at.getMessage();
      if (at instanceof java.io.IOException && message != null) {
        String name = byMessage(message.toLowerCase(Locale.ROOT));
        if (!name.isEmpty()) {
          return name;
        }
      }
    }
    return "";
  }

  /** Numbers of Linux on x86-64 and AArch64, which agree. */
  private static String byNumber(int errno) {
    return switch (errno) {
      case 32 -> "EPIPE";
      case 101 -> "ENETUNREACH";
      case 103 -> "ECONNABORTED";
      case 104 -> "ECONNRESET";
      case 110 -> "ETIMEDOUT";
      case 111 -> "ECONNREFUSED";
      case 113 -> "EHOSTUNREACH";
      default -> "";
    };
  }

  private static String byMessage(String message) {
    if (message.contains("connection reset")) {
      return "ECONNRESET";
    }
    if (message.contains("broken pipe")) {
      return "EPIPE";
    }
    if (message.contains("connection refused")) {
      return "ECONNREFUSED";
    }
    if (message.contains("timed out")) {
      return "ETIMEDOUT";
    }
    if (message.contains("no route to host")) {
      return "EHOSTUNREACH";
    }
    if (message.contains("network is unreachable")) {
      return "ENETUNREACH";
    }
    return "";
  }
}
