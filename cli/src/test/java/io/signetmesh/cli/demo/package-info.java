@NullMarked
package io.signetmesh.cli.demo;

import org.jspecify.annotations.NullMarked;
