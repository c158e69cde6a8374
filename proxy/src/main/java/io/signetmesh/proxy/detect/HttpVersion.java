package io.signetmesh.proxy.detect;

/** HTTP version of a connection, as detected or as policy states it. */
public enum HttpVersion {
  HTTP1,
  HTTP2
}
