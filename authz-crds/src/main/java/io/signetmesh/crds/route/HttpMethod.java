package io.signetmesh.crds.route;

/** HTTP methods that a route can match. */
public enum HttpMethod {
  /** GET. */
  GET,
  /** HEAD. */
  HEAD,
  /** POST. */
  POST,
  /** PUT. */
  PUT,
  /** DELETE. */
  DELETE,
  /** CONNECT. */
  CONNECT,
  /** OPTIONS. */
  OPTIONS,
  /** TRACE. */
  TRACE,
  /** PATCH. */
  PATCH
}
