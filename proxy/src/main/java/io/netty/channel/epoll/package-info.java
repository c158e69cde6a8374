/** What has to be in a package of Netty's to use its parts. */
@NullMarked
package io.netty.channel.epoll;

import org.jspecify.annotations.NullMarked;
