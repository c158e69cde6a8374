package io.signetmesh.proxy.authorize.compile;

import com.google.protobuf.Message;
import java.util.Map;

/** A message that breaks a rule: nothing is granted by it. */
final class InvalidPolicyException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidPolicyException(String message) {
    super(message, null, false, false);
  }

  /**
   * Holds a message that states conditions to what this proxy knows. A field of a later version may
   * be one more condition: left out, the others would grant more than is written.
   */
  static void requireKnown(Message conditions, String of) throws InvalidPolicyException {
    Map<Integer, ?> unknown = conditions.getUnknownFields().asMap();
    if (!unknown.isEmpty()) {
      throw new InvalidPolicyException(
          of
              + " has the field "
              + unknown.keySet().iterator().next()
              + " of "
              + conditions.getDescriptorForType().getFullName()
              + ", which this proxy does not know: expected fields of its own version");
    }
  }
}
