package io.signetmesh.cli;

import io.signetmesh.cli.host.ListenAddress;
import java.net.InetSocketAddress;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Options that are socket addresses. */
final class AddressOptions {
  private AddressOptions() {}

  /** Reads {@code ip:port}. */
  static final class Converter implements ITypeConverter<InetSocketAddress> {
    @Override
    public InetSocketAddress convert(String text) {
      try {
        return ListenAddress.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
