package io.signetmesh.collector.query;

import java.time.Instant;
import java.time.LocalDate;

/** Reads times of records: RFC 3339 in UTC. */
final class TimeText {
  private static final int WITH_MILLIS = "2026-11-30T10:00:00.000Z".length();

  private TimeText() {}

  /**
   * Reads a time. The form that journals write is read without a formatter, which would take longer
   * than the rest of the record.
   *
   * @throws java.time.DateTimeException when it is none
   */
  static Instant parse(String text) {
    if (text.length() == WITH_MILLIS
        && text.charAt(4) == '-'
        && text.charAt(7) == '-'
        && text.charAt(10) == 'T'
        && text.charAt(13) == ':'
        && text.charAt(16) == ':'
        && text.charAt(19) == '.'
        && text.charAt(23) == 'Z') {
      int hour = number(text, 11, 13);
      int minute = number(text, 14, 16);
      int second = number(text, 17, 19);
      int year = number(text, 0, 4);
      int month = number(text, 5, 7);
      int day = number(text, 8, 10);
      int millis = number(text, 20, 23);
      boolean isNumber = (hour | minute | second | year | month | day | millis) >= 0;
      if (isNumber && hour < 24 && minute < 60 && second < 60) {
        long days = LocalDate.of(year, month, day).toEpochDay();
        long seconds = days * 86_400 + hour * 3600L + minute * 60L + second;
        return Instant.ofEpochSecond(seconds, millis * 1_000_000L);
      }
    }
    return Instant.parse(text);
  }

  /** Negative when a character is no digit. */
  private static int number(String text, int from, int to) {
    int number = 0;
    for (int i = from; i < to; i++) {
      int digit = text.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return -1;
      }
      number = number * 10 + digit;
    }
    return number;
  }
}
