package io.signetmesh.proxy.admin;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import org.slf4j.LoggerFactory;

/** Levels of Logback. */
final class LogbackLevels implements LogLevels {
  private static final int MAX_PARTS = 64;

  /** Loggers that there may be: Logback makes one for each part of a name, and keeps it. */
  private static final int MAX_LOGGERS = 8192;

  private static final int MAX_NAME = 256;

  private final LoggerContext context;

  LogbackLevels(LoggerContext context) {
    this.context = context;
  }

  static LogLevels bound() {
    return new LogbackLevels((LoggerContext) LoggerFactory.getILoggerFactory());
  }

  @Override
  public String current() {
    StringJoiner filter = new StringJoiner(",");
    filter.add(label(context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME).getLevel()));
    for (Logger logger : context.getLoggerList()) {
      Level level = logger.getLevel();
      if (level != null && !logger.getName().equals(org.slf4j.Logger.ROOT_LOGGER_NAME)) {
        filter.add(logger.getName() + "=" + label(level));
      }
    }
    return filter.toString();
  }

  @Override
  public void set(String filter) {
    Map<String, Level> wanted = new LinkedHashMap<>();
    String[] parts = filter.split(",", -1);
    if (parts.length > MAX_PARTS) {
      throw new IllegalArgumentException(
          "filter has " + parts.length + " parts: expected at most " + MAX_PARTS);
    }
    for (String part : parts) {
      String trimmed = part.trim();
      int equals = trimmed.indexOf('=');
      String name =
          equals < 0 ? org.slf4j.Logger.ROOT_LOGGER_NAME : trimmed.substring(0, equals).trim();
      if (name.isEmpty()) {
        throw new IllegalArgumentException("filter part '" + trimmed + "' names no logger");
      }
      requireRoom(name);
      wanted.put(name, level(equals < 0 ? trimmed : trimmed.substring(equals + 1).trim()));
    }
    for (Logger logger : context.getLoggerList()) {
      if (!logger.getName().equals(org.slf4j.Logger.ROOT_LOGGER_NAME)) {
        logger.setLevel(null);
      }
    }
    wanted.forEach((name, level) -> context.getLogger(name).setLevel(level));
  }

  private void requireRoom(String name) {
    if (name.length() > MAX_NAME) {
      throw new IllegalArgumentException(
          "a logger's name has " + name.length() + " characters: expected at most " + MAX_NAME);
    }
    if (context.exists(name) == null && context.getLoggerList().size() >= MAX_LOGGERS) {
      throw new IllegalArgumentException(
          "there is no logger '" + name + "', and no room for another: expected one that exists");
    }
  }

  private static Level level(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "off" -> Level.OFF;
      case "error" -> Level.ERROR;
      case "warn" -> Level.WARN;
      case "info" -> Level.INFO;
      case "debug" -> Level.DEBUG;
      case "trace" -> Level.TRACE;
      default ->
          throw new IllegalArgumentException(
              "level '" + text + "': expected off, error, warn, info, debug or trace");
    };
  }

  private static String label(Level level) {
    return level.toString().toLowerCase(Locale.ROOT);
  }
}
