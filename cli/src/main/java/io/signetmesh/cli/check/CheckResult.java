package io.signetmesh.cli.check;

import java.util.Locale;

/**
 * What came of one check.
 *
 * @param category what it is about
 * @param name stable name of the check, such as {@code anchor-life}
 * @param level how bad it is
 * @param text what was found, one line
 * @param hint what to do about it, one line; empty when there is nothing to do
 */
record CheckResult(Category category, String name, Level level, String text, String hint) {
  /** What checks are about. */
  enum Category {
    CONTROL_PLANE("control plane"),
    TRUST("trust"),
    POLICY("policy"),
    KEYS("keys of token issuers"),
    BUNDLES("policy bundles");

    private final String title;

    Category(String title) {
      this.title = title;
    }

    String title() {
      return title;
    }

    /** As JSON has it. */
    String code() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** How bad something is. */
  enum Level {
    /** As it should be. */
    OK("ok"),
    /** It works, and somebody should look at it. */
    WARNING("warn"),
    /** Something does not work, or will not much longer. */
    FAILURE("FAIL");

    private final String text;

    Level(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }

    /** As JSON has it. */
    String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static CheckResult ok(Category category, String name, String text) {
    return new CheckResult(category, name, Level.OK, text, "");
  }

  static CheckResult warning(Category category, String name, String text, String hint) {
    return new CheckResult(category, name, Level.WARNING, text, hint);
  }

  static CheckResult failure(Category category, String name, String text, String hint) {
    return new CheckResult(category, name, Level.FAILURE, text, hint);
  }
}
