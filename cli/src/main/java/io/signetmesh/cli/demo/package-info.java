/** {@code signet demo}: a small shop of real services, with clients that show each decision. */
@NullMarked
package io.signetmesh.cli.demo;

import org.jspecify.annotations.NullMarked;
