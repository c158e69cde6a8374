/** What has to be in a package of Netty's to use its parts. */
@NullMarked
package io.netty.channel.uring;

import org.jspecify.annotations.NullMarked;
