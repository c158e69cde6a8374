package io.signetmesh.crds.route;

/** Methods that routes can name. */
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
