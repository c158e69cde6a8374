package io.signetmesh.cli.demo.service;

import com.google.protobuf.StringValue;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;

/** The greeter's methods: plain text in, plain text out, as {@code google.protobuf.StringValue}. */
public final class Greeter {
  /** Full name of the service. */
  public static final String SERVICE = "shop.Greeter";

  /** One name, one greeting. */
  public static final MethodDescriptor<StringValue, StringValue> GREET =
      method("Greet", MethodDescriptor.MethodType.UNARY);

  /** An answer to each line, while both sides keep talking. */
  public static final MethodDescriptor<StringValue, StringValue> CHAT =
      method("Chat", MethodDescriptor.MethodType.BIDI_STREAMING);

  private Greeter() {}

  private static MethodDescriptor<StringValue, StringValue> method(
      String name, MethodDescriptor.MethodType type) {
    return MethodDescriptor.<StringValue, StringValue>newBuilder()
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
        .setRequestMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
        .build();
  }
}
