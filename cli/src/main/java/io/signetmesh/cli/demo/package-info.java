/** {@code signet demo}: a small shop with real services, watched while policy decides. */
@NullMarked
package io.signetmesh.cli.demo;

import org.jspecify.annotations.NullMarked;
