package io.signetmesh.proxy.outbound;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.linkerd.proxy.destination.DestinationGrpc;
import io.linkerd.proxy.destination.GetDestination;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.net.TcpAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a balancer's endpoints equal to a Destination.Get stream (mesh-proxy reference 1.4): the
 * first addition after a subscription replaces what there was, a stream that fails leaves the
 * endpoints and is opened again.
 */
final class DestinationWatch {
  private static final Logger log = LoggerFactory.getLogger(DestinationWatch.class);

  private final ManagedChannel channel;
  private final String path;
  private final String context;
  private final Retry retry;
  private final Balancer balancer;
  private final Map<InetSocketAddress, Endpoint> endpoints = new LinkedHashMap<>();
  private @Nullable ClientCallStreamObserver<GetDestination> call;
  private boolean fresh;
  private boolean closed;

  DestinationWatch(
      ManagedChannel channel, String path, String context, Retry retry, Balancer balancer) {
    this.channel = channel;
    this.path = path;
    this.context = context;
    this.retry = retry;
    this.balancer = balancer;
  }

  void start() {
    synchronized (this) {
      if (closed) {
        return;
      }
      fresh = true;
    }
    DestinationGrpc.newStub(channel)
        .get(
            GetDestination.newBuilder().setPath(path).setContextToken(context).build(),
            new ClientResponseObserver<GetDestination, Update>() {
              @Override
              public void beforeStart(ClientCallStreamObserver<GetDestination> started) {
                synchronized (DestinationWatch.this) {
                  call = started;
                }
              }

              @Override
              public void onNext(Update update) {
                retry.succeeded();
                apply(update);
              }

              @Override
              public void onError(Throwable error) {
                ended(Status.fromThrowable(error));
              }

              @Override
              public void onCompleted() {
                ended(Status.OK);
              }
            });
  }

  private void apply(Update update) {
    List<Endpoint> now;
    synchronized (this) {
      switch (update.getUpdateCase()) {
        case ADD -> {
          Map<InetSocketAddress, Endpoint> added = new LinkedHashMap<>();
          for (WeightedAddr address : update.getAdd().getAddrsList()) {
            Endpoint endpoint = Endpoints.endpoint(address, update.getAdd().getMetricLabelsMap());
            if (endpoint != null) {
              added.put(endpoint.address(), endpoint);
            }
          }
          if (added.isEmpty()) {
            return;
          }
          if (fresh) {
            endpoints.clear();
          }
          fresh = false;
          endpoints.putAll(added);
        }
        case REMOVE -> {
          if (fresh) {
            return;
          }
          for (TcpAddress address : update.getRemove().getAddrsList()) {
            InetSocketAddress socket = Endpoints.socket(address);
            if (socket != null) {
              endpoints.remove(socket);
            }
          }
        }
        case NO_ENDPOINTS -> {
          fresh = false;
          endpoints.clear();
        }
        case UPDATE_NOT_SET -> {
          return;
        }
      }
      now = List.copyOf(endpoints.values());
    }
    balancer.update(now);
  }

  private void ended(Status status) {
    synchronized (this) {
      if (closed) {
        return;
      }
    }
    if (status.getCode() != Status.Code.OK && status.getCode() != Status.Code.UNAVAILABLE) {
      log.debug("destination {}: {}", path, status);
    }
    retry.schedule(this::start);
  }

  void close() {
    ClientCallStreamObserver<GetDestination> open;
    synchronized (this) {
      closed = true;
      open = call;
    }
    if (open != null) {
      open.cancel("the destination is no longer used", null);
    }
  }
}
