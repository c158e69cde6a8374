package io.signetmesh.proxy.admin;

import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** What is logged, as a filter: a level, or {@code logger=level}, joined by commas. */
interface LogLevels {
  /** The filter in force. */
  String current();

  /**
   * Replaces the filter.
   *
   * @throws IllegalArgumentException when it cannot be read; nothing has changed then
   */
  void set(String filter);

  /** Levels of the logging in use; null when it has none that can be changed. */
  static @Nullable LogLevels find() {
    // Logback is optional: its classes are touched only where slf4j is bound to it.
    return LoggerFactory.getILoggerFactory()
            .getClass()
            .getName()
            .equals("ch.qos.logback.classic.LoggerContext")
        ? LogbackLevels.bound()
        : null;
  }
}
