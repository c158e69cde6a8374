package io.signetmesh.proxy.upstream;

import io.grpc.Status;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.net.TcpAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a balancer's endpoints equal to a Destination.Get stream: the first addition after a
 * subscription replaces what there was; a stream that ends leaves the endpoints as they are, and is
 * opened again whatever it ended with.
 */
final class DestinationSink implements Subscription.Sink<Update> {
  private static final Logger log = LoggerFactory.getLogger(DestinationSink.class);

  private final String path;
  private final Balancer balancer;
  private final Map<InetSocketAddress, Endpoint> endpoints = new LinkedHashMap<>();
  private boolean fresh;
  private Status.Code lastEnd = Status.Code.OK;

  DestinationSink(String path, Balancer balancer) {
    this.path = path;
    this.balancer = balancer;
  }

  @Override
  public synchronized void opening() {
    fresh = true;
  }

  @Override
  public synchronized void message(Update update) {
    lastEnd = Status.Code.OK;
    switch (update.getUpdateCase()) {
      case ADD -> {
        Map<InetSocketAddress, Endpoint> added = new LinkedHashMap<>();
        for (WeightedAddr address : update.getAdd().getAddrsList()) {
          Endpoint endpoint = Endpoints.endpoint(address, update.getAdd().getMetricLabelsMap());
          if (endpoint != null) {
            added.put(endpoint.address(), endpoint);
          } else {
            dropUnusable(address);
          }
        }
        if (added.isEmpty()) {
          break;
        }
        if (fresh) {
          endpoints.clear();
          fresh = false;
        }
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
    balancer.update(List.copyOf(endpoints.values()));
  }

  /** What an address was announced as before is not true any more. */
  private void dropUnusable(WeightedAddr address) {
    InetSocketAddress socket = Endpoints.socket(address.getAddr());
    if (socket != null && !fresh && endpoints.remove(socket) != null) {
      log.warn("endpoint {} of {} is announced with an unusable identity", socket, path);
    }
  }

  @Override
  public synchronized boolean ended(Status status) {
    if (status.getCode() != lastEnd) {
      lastEnd = status.getCode();
      switch (status.getCode()) {
        case INVALID_ARGUMENT, FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED ->
            log.warn("endpoints of {}: {}", path, status);
        default -> {}
      }
    }
    return true;
  }
}
