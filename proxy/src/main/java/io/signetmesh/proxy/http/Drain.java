package io.signetmesh.proxy.http;

/**
 * User event that asks an HTTP connection to end: HTTP/1 stops keep-alive, HTTP/2 sends GOAWAY;
 * what is in flight is finished.
 */
public enum Drain {
  BEGIN
}
