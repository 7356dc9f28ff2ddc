/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "io/doors.h"

/*
 * Doors (doors.h) from the process that made them to the one that serves them, over a socket in a
 * folder of the latter: who may enter the folder may speak. One word a connection, and an answer.
 */
#define IO_HAND_SOCKET "doors"
#define IO_HAND_TEXT_MAX 1024u
#define IO_HAND_HINT_MAX 16u

/* A step begins, with its doors, or the one that began last has ended; or the build's engine. */
struct io_hand_word {
	int doors[IO_DOORS];         /* the receiver's; all -1 at an end */
	char text[IO_HAND_TEXT_MAX]; /* what the step runs; "" = an end */
};
#define IO_HAND_ENGINE "@" /* instead of what a step runs */

/* A socket in `dir`, which may be called what it likes: 108 bytes are no limit here. */
SS_MUST_CHECK SS_NONNULL int io_hand_listen(const char *dir, int *ret_fd, struct ss_err *err);
/* Says it to who listens in `dir`, and waits until that is ready. Text that is longer is cut. The
 * other may have a word of its own; else "". */
SS_MUST_CHECK SS_NONNULL int io_hand_say(const char *dir, const int doors[IO_DOORS],
					 const char *text, char ret_hint[IO_HAND_HINT_MAX],
					 struct ss_err *err);
/* One word of a connection that was accepted. SS_EINPUT: it is none. */
SS_MUST_CHECK SS_NONNULL int io_hand_hear(int fd, struct io_hand_word *ret, struct ss_err *err);
/* Lets the other go on; with a reason it fails instead. False: it has gone. */
bool io_hand_answer(int fd, const char *reason);
/* The same without a reason, with a word for the other; longer ones are cut. */
SS_NONNULL bool io_hand_hint(int fd, const char *hint);
