package io.signetmesh.identity.admin;

import io.grpc.BindableService;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerMethodDefinition;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.grpc.MetricCollectingServerInterceptor;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Meters of gRPC calls, for each method that a server has: calls started and open here; messages
 * received and sent, and the time and status of calls that ended, by Micrometer's interceptor. A
 * stream that a client keeps open is an open call. The number of series is bounded by the methods
 * of the services and the status codes of gRPC.
 */
final class CallMeters implements ServerInterceptor {
  private static final Duration[] BUCKETS = {
    Duration.ofMillis(5),
    Duration.ofMillis(25),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofMillis(2_500),
    Duration.ofSeconds(10)
  };

  private final MeterRegistry registry;
  private final MetricCollectingServerInterceptor ended;
  private final Map<String, Method> methods = new ConcurrentHashMap<>();

  private record Method(Counter started, AtomicInteger open) {}

  CallMeters(MeterRegistry registry) {
    this.registry = registry;
    this.ended =
        new MetricCollectingServerInterceptor(
            registry, counter -> counter, timer -> timer.serviceLevelObjectives(BUCKETS));
  }

  /** Makes the series of a service, so that they are there before the first call. */
  void register(BindableService service) {
    ended.preregisterService(service);
    for (ServerMethodDefinition<?, ?> method : service.bindService().getMethods()) {
      method(method.getMethodDescriptor());
    }
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    Method method = method(call.getMethodDescriptor());
    method.started.increment();
    method.open.incrementAndGet();
    try {
      return new Listener<>(ended.interceptCall(call, headers, next), method.open);
    } catch (RuntimeException | Error e) {
      method.open.decrementAndGet();
      throw e;
    }
  }

  private Method method(MethodDescriptor<?, ?> descriptor) {
    return methods.computeIfAbsent(
        descriptor.getFullMethodName(),
        name -> {
          Tags tags =
              Tags.of(
                  "service", String.valueOf(descriptor.getServiceName()),
                  "method", String.valueOf(descriptor.getBareMethodName()),
                  "method_type", descriptor.getType().name());
          AtomicInteger open = new AtomicInteger();
          Gauge.builder("grpc.server.calls.open", open::get)
              .tags(tags)
              .description("Calls, and streams among them, that are open now.")
              .register(registry);
          return new Method(
              Counter.builder("grpc.server.calls.started")
                  .tags(tags)
                  .description("Calls that reached a service.")
                  .register(registry),
              open);
        });
  }

  /** Takes note of the end of a call, which gRPC tells once, in one of two ways. */
  private static final class Listener<Q> extends SimpleForwardingServerCallListener<Q> {
    private final AtomicInteger open;
    private final AtomicBoolean over = new AtomicBoolean();

    Listener(ServerCall.Listener<Q> delegate, AtomicInteger open) {
      super(delegate);
      this.open = open;
    }

    @Override
    public void onComplete() {
      end();
      super.onComplete();
    }

    @Override
    public void onCancel() {
      end();
      super.onCancel();
    }

    private void end() {
      if (over.compareAndSet(false, true)) {
        open.decrementAndGet();
      }
    }
  }
}
