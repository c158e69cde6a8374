package io.signetmesh.cli.command;

import io.signetmesh.cli.host.ListenAddress;
import java.net.InetSocketAddress;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converters for options that are socket addresses. */
public final class AddressOptions {
  private AddressOptions() {}

  /** Parses {@code ip:port}, as {@link io.signetmesh.cli.host.ListenAddress} does. */
  public static final class Converter implements ITypeConverter<InetSocketAddress> {
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
