package io.signetmesh.collector.ingest;

import com.google.protobuf.CodedInputStream;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.Status;
import io.signetmesh.v1.AuditBatch;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * An {@link AuditBatch} as it was read: as the message itself, objects of lines would take many
 * times its bytes before somebody has counted them.
 *
 * @param journal the id; empty when the message has none
 * @param lines at most {@link #MAX_LINES}
 */
record Message(String journal, List<byte[]> lines) {
  /** Lines of a message. */
  static final int MAX_LINES = 4_096;

  /** Bytes of a message: 1 MiB of lines, and what is around them. */
  static final int MAX_BYTES = (1 << 20) + 64 * 1024;

  private static final int JOURNAL_TAG = AuditBatch.JOURNAL_FIELD_NUMBER << 3 | 2;
  private static final int LINE_TAG = AuditBatch.LINES_FIELD_NUMBER << 3 | 2;

  /** Leaves a message as it came. */
  static final Marshaller<byte[]> RAW =
      new Marshaller<>() {
        @Override
        public InputStream stream(byte[] message) {
          return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            if (stream instanceof KnownLength) {
              byte[] bytes = new byte[stream.available()];
              int read = stream.readNBytes(bytes, 0, bytes.length);
              if (read == bytes.length && stream.read() < 0) {
                return bytes;
              }
            }
            return stream.readNBytes(MAX_BYTES + 1);
          } catch (IOException e) {
            throw Status.INTERNAL.withCause(e).asRuntimeException();
          }
        }
      };

  /**
   * Reads a message.
   *
   * @throws IOException when it is malformed or has too many lines
   */
  static Message parse(byte[] bytes) throws IOException {
    if (bytes.length > MAX_BYTES) {
      throw new IOException(bytes.length + " bytes: expected at most " + MAX_BYTES);
    }
    CodedInputStream in = CodedInputStream.newInstance(bytes);
    String journal = "";
    List<byte[]> lines = new ArrayList<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (tag) {
        case JOURNAL_TAG -> journal = in.readStringRequireUtf8();
        case LINE_TAG -> {
          if (lines.size() == MAX_LINES) {
            throw new IOException("more than " + MAX_LINES + " lines in a message");
          }
          lines.add(in.readByteArray());
        }
        default -> in.skipField(tag);
      }
    }
    return new Message(journal, lines);
  }
}
