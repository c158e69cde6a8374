package io.signetmesh.collector.export;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The grammar of RFC 8259, and no more: UTF-8 without a byte order mark, names of an object once.
 */
public final class JsonText {
  private final String text;
  private int at;

  private JsonText(String text) {
    this.text = text;
  }

  /** Fails unless the bytes are one object. */
  public static void requireObject(byte[] utf8) throws CharacterCodingException {
    JsonText json =
        new JsonText(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString());
    json.object();
    if (json.at != json.text.length()) {
      throw json.wrong("the end");
    }
  }

  private AssertionError wrong(String expected) {
    return new AssertionError("at " + at + ": expected " + expected + " in " + text);
  }

  private char peek() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
      at++;
    }
  }

  private void one(char expected) {
    if (peek() != expected) {
      throw wrong("'" + expected + "'");
    }
    at++;
  }

  private void object() {
    one('{');
    space();
    Set<String> names = new HashSet<>();
    while (peek() != '}') {
      if (!names.isEmpty()) {
        one(',');
        space();
      }
      int begin = at;
      string();
      if (!names.add(text.substring(begin, at))) {
        throw wrong("a name once");
      }
      space();
      one(':');
      value();
    }
    one('}');
  }

  private void array() {
    one('[');
    space();
    for (boolean isFirst = true; peek() != ']'; isFirst = false) {
      if (!isFirst) {
        one(',');
      }
      value();
    }
    one(']');
  }

  private void value() {
    space();
    switch (peek()) {
      case '{' -> object();
      case '[' -> array();
      case '"' -> string();
      case 't' -> word("true");
      case 'f' -> word("false");
      case 'n' -> word("null");
      default -> number();
    }
    space();
  }

  private void word(String word) {
    if (!text.startsWith(word, at)) {
      throw wrong(word);
    }
    at += word.length();
  }

  private void number() {
    Matcher matcher =
        Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
            .matcher(text)
            .region(at, text.length());
    if (!matcher.lookingAt()) {
      throw wrong("a value");
    }
    at = matcher.end();
  }

  private void string() {
    one('"');
    while (peek() != '"') {
      char c = peek();
      if (c < ' ') {
        throw wrong("no control character");
      }
      at++;
      if (c == '\\') {
        if (peek() == 'u') {
          at++;
          if (at + 4 > text.length() || !text.substring(at, at + 4).matches("[0-9A-Fa-f]{4}")) {
            throw wrong("four hex digits");
          }
          at += 4;
        } else if ("\"\\/bfnrt".indexOf(peek()) >= 0 && peek() != '\0') {
          at++;
        } else {
          throw wrong("an escape");
        }
      }
    }
    at++;
  }
}
