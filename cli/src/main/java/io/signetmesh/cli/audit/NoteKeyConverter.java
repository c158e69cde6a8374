package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.NoteKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a verifier key, or a file that has one. */
final class NoteKeyConverter implements ITypeConverter<NoteKey> {
  private static final int MAX_BYTES = 4096;

  @Override
  public NoteKey convert(String text) {
    try {
      Path file = Path.of(text);
      if (Files.isRegularFile(file)) {
        if (Files.size(file) > MAX_BYTES) {
          throw new TypeConversionException(
              file + " has " + Files.size(file) + " bytes: expected one verifier key");
        }
        return NoteKey.parse(Files.readString(file).strip());
      }
      return NoteKey.parse(text);
    } catch (IOException e) {
      throw new TypeConversionException(text + " cannot be read: " + e.getMessage());
    } catch (InvalidPathException e) {
      throw new TypeConversionException("expected a verifier key, or a file that has one");
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(
          e.getMessage() + "; or a file that has one, and there is none of that name");
    }
  }
}
