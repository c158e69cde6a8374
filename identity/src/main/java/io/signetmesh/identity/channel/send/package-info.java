/**
 * Whose turn it is to be sent a large answer. Start with {@link
 * io.signetmesh.identity.channel.send.SendTurn}.
 */
@NullMarked
package io.signetmesh.identity.channel.send;

import org.jspecify.annotations.NullMarked;
