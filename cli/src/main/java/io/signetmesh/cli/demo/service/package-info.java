/** The applications of the demo, and the issuer of its tokens. They know nothing of the mesh. */
@NullMarked
package io.signetmesh.cli.demo.service;

import org.jspecify.annotations.NullMarked;
