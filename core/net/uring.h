/* SPDX-License-Identifier: MIT */
/*
 * Sends of one turn given to the kernel in one call, by way of an io_uring: what a thousand send() spend on
 * entering and leaving the kernel is spent once. Each is tried on the spot, as send() with MSG_DONTWAIT
 * would be; nothing is under way once uring_submit() is back.
 *
 * The kernel tells only of those that did not go whole (IOSQE_CQE_SKIP_SUCCESS, io_uring_enter(2)). It counts a
 * send that went in part among them when MSG_WAITALL asks for the whole (io_uring_prep_send(3)).
 */
#ifndef NET_URING_H
#define NET_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct uring;

/* A send that did not go whole: `sent` bytes of it left, 0 when the socket was full or broken. */
typedef void (*uring_left)(void *arg, uint32_t who, size_t sent);

/* For one thread, and the process it was made in. NULL and the reason: built without liburing, forbidden, or of a
 * kernel that does not tell exactly what was sent, which is tried out here. */
struct uring *uring_new(const char **why_out);
void uring_free(struct uring **u);

/* One more send, of `len` bytes or of a message of several parts. What they point to has to stay until
 * uring_submit(). False: there is room for no more before that. */
bool uring_send(struct uring *u, int fd, const void *bytes, size_t len, uint32_t who);
bool uring_sendmsg(struct uring *u, int fd, const struct msghdr *msg, uint32_t who);
/* Does them all, and calls `left` for those that did not go whole; it must not call back here. False: the
 * kernel takes no more, now and from now on, errno says why; what it did not look at was left, with 0 bytes sent. */
bool uring_submit(struct uring *u, uring_left left, void *arg);

#endif
