package io.signetmesh.cli.simulate;

import io.signetmesh.crds.text.PlainText;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.policy.effective.PolicyConfig;
import java.util.regex.Pattern;

/**
 * Parses client identities that an operator enters. An identity that no certificate can have is an
 * error: otherwise, a test that expects a denial would pass for the wrong reason.
 */
public final class ClientIdentity {
  private static final String EXPECTED =
      "expected a lower-case DNS name, a SPIFFE ID or NAMESPACE/SERVICEACCOUNT";
  private static final String SCHEME = "spiffe://";
  private static final int MAX_SPIFFE = 2048;

  /** As the proxy takes names from certificates. */
  private static final Pattern DNS =
      Pattern.compile("(?=.{1,253}$)[a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63})*");

  private static final Pattern SPIFFE =
      Pattern.compile("spiffe://[a-z0-9._-]{1,255}(/(?!\\.{1,2}(/|$))[A-Za-z0-9._-]+)*");

  private ClientIdentity() {}

  /**
   * Converts the text to an identity in the form of certificates.
   *
   * @param text a DNS name, a SPIFFE ID, or {@code namespace/account} for a ServiceAccount of this
   *     mesh
   * @throws IllegalArgumentException when the text has another form, or the name is too long; the
   *     message says what is expected
   */
  public static String parse(String text, PolicyConfig config) {
    String checked = requireForm(text);
    int slash = checked.indexOf('/');
    if (slash < 0 || checked.startsWith(SCHEME)) {
      return checked;
    }
    String identity = config.identity(checked.substring(slash + 1), checked.substring(0, slash));
    if (!DNS.matcher(identity).matches()) {
      throw new IllegalArgumentException(
          quoted(checked)
              + " is an identity that no client has: as a DNS name it has "
              + identity.length()
              + " characters, and 253 are the most");
    }
    return identity;
  }

  /**
   * Returns the text if it has one of the forms of {@link #parse}.
   *
   * @throws IllegalArgumentException when it has another form; the message says what is expected
   */
  public static String requireForm(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException(
          "an empty text is no identity: " + EXPECTED + ", or nothing for a client without one");
    }
    if (text.equals("*") || text.startsWith("*.")) {
      throw new IllegalArgumentException(
          quoted(text) + " is no identity of one client, as policy has for many: " + EXPECTED);
    }
    if (text.startsWith(SCHEME)) {
      if (text.length() > MAX_SPIFFE || !SPIFFE.matcher(text).matches()) {
        throw new IllegalArgumentException(
            quoted(text)
                + " is no SPIFFE ID: expected spiffe://TRUSTDOMAIN/PATH with a lower-case trust"
                + " domain, no empty, '.' or '..' segment, and at most 2048 characters");
      }
      return text;
    }
    String[] parts = text.split("/", -1);
    boolean fits =
        parts.length == 1
            ? DNS.matcher(text).matches()
            : parts.length == 2
                && WorkloadIdentity.isLabel(parts[0])
                && WorkloadIdentity.isLabel(parts[1]);
    if (!fits) {
      throw new IllegalArgumentException(
          quoted(text) + " is an identity that no client has: " + EXPECTED);
    }
    return text;
  }

  private static String quoted(String text) {
    return PlainText.of(WorkloadIdentity.printable(text));
  }
}
