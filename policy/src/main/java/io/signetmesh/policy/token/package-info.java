/** JWTAuthentications as messages, and where their keys come from. */
@NullMarked
package io.signetmesh.policy.token;

import org.jspecify.annotations.NullMarked;
