package io.signetmesh.proxy.node.socket;

import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Messages of a connection: each is preceded by its length as a varint. A field, a kind or a value
 * that this version does not know is refused, so that nothing that was said is ever left undone.
 */
final class NodeMessages {
  /** Version of the protocol. */
  static final int VERSION = 1;

  /** Longest message to the node, in bytes. */
  static final int MAX_BYTES = 64 * 1024;

  /** Longest message from the node, in bytes: the states of all workloads, with their reasons. */
  static final int MAX_ANSWER_BYTES = 16 * 1024 * 1024;

  private final int most;

  /** Bytes of a length at most: seven bits each. */
  private final int lengthBytes;

  private byte[] waiting = new byte[0];

  /**
   * @param most longest message that is taken, in bytes
   */
  NodeMessages(int most) {
    this.most = most;
    this.lengthBytes = (Integer.SIZE - Integer.numberOfLeadingZeros(most) + 6) / 7;
  }

  /** Notes bytes that have come. */
  void add(byte[] bytes) {
    byte[] all = Arrays.copyOf(waiting, waiting.length + bytes.length);
    System.arraycopy(bytes, 0, all, waiting.length, bytes.length);
    waiting = all;
  }

  /** Whether a message has begun to come and is not complete. */
  boolean isPartial() {
    return waiting.length > 0;
  }

  /**
   * Takes the next message.
   *
   * @return null when it is not complete
   * @throws NodeProtocolException when it is too long
   */
  byte @Nullable [] next() throws NodeProtocolException {
    int length = 0;
    int at = 0;
    while (true) {
      if (at == waiting.length) {
        return null;
      }
      byte part = waiting[at];
      length |= (part & 0x7f) << (7 * at);
      at++;
      if (part >= 0) {
        break;
      }
      if (at == lengthBytes) {
        throw tooLong("more than " + lengthBytes + " bytes of a length");
      }
    }
    if (length > most) {
      throw tooLong(length + " bytes");
    }
    if (waiting.length - at < length) {
      return null;
    }
    byte[] message = Arrays.copyOfRange(waiting, at, at + length);
    waiting = Arrays.copyOfRange(waiting, at + length, waiting.length);
    return message;
  }

  private NodeProtocolException tooLong(String found) {
    return new NodeProtocolException(
        "a message of " + found + ": expected at most " + most + " bytes");
  }

  /** The bytes of a message with its length. */
  static byte[] encode(Message message) {
    byte[] body = message.toByteArray();
    byte[] all = new byte[body.length + 5];
    int at = 0;
    int left = body.length;
    while (left > 0x7f) {
      all[at++] = (byte) (left | 0x80);
      left >>>= 7;
    }
    all[at++] = (byte) left;
    System.arraycopy(body, 0, all, at, body.length);
    return Arrays.copyOf(all, at + body.length);
  }

  /**
   * Parses a message.
   *
   * @throws NodeProtocolException when it is malformed, or says what this version does not know
   */
  static <M extends Message> M parse(Parser<M> parser, byte[] bytes) throws NodeProtocolException {
    try {
      M message = parser.parseFrom(bytes);
      expectKnown(message);
      return message;
    } catch (InvalidProtocolBufferException e) {
      throw new NodeProtocolException("a message that is malformed: " + e.getMessage());
    }
  }

  private static void expectKnown(Message message) throws NodeProtocolException {
    String name = message.getDescriptorForType().getName();
    for (int number : message.getUnknownFields().asMap().keySet()) {
      throw new NodeProtocolException(
          "field " + number + " of " + name + ": expected those of version " + VERSION);
    }
    for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
      List<?> values = field.getValue() instanceof List<?> list ? list : List.of(field.getValue());
      for (Object value : values) {
        if (value instanceof Message inner) {
          expectKnown(inner);
        } else if (value instanceof EnumValueDescriptor known && known.getIndex() < 0) {
          throw new NodeProtocolException(
              "value "
                  + known.getNumber()
                  + " of field "
                  + field.getKey().getName()
                  + " of "
                  + name
                  + ": expected those of version "
                  + VERSION);
        }
      }
    }
  }
}
