/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * What a supervisor and those who ask it say, on NAME.sock (launch/rundir.h): messages of the same
 * shape as docs/formats/vsock.md: type 1 byte, 3 zero bytes, length u32, body of at most
 * TALK_MAX_BODY bytes. The asker says one thing; the supervisor answers until it closes.
 *
 *   DESCRIBE           → DESCRIPTION
 *   STOP grace u32 ms  → END when the enclave has ended (0 = the measured grace)
 *   LOGS follow u8     → FRAME…, DONE
 *   CONSOLE follow u8  → BYTES…, DONE
 *   METRICS            → TEXT
 *   CSR names          → BYTES (DER) or REFUSED
 *   CHAIN der          → DONE or REFUSED
 *
 * A FRAME is one of vsock.md: LOG, LOST, EXIT. Pure: bytes to structs and back; spans borrow.
 */
#define TALK_HEAD 8u
#define TALK_MAX_BODY ((size_t)256 * 1024)
#define TALK_MAX_CHAIN 16384u
#define TALK_MAX_ASK (TALK_HEAD + TALK_MAX_CHAIN) /* of a whole question */
#define TALK_MAX_NAMES 4065u                      /* as in a frame CSR_ASK */

enum talk_type {
	TALK_DESCRIBE = 1,
	TALK_STOP = 2,
	TALK_LOGS = 3,
	TALK_CONSOLE = 4,
	TALK_METRICS = 5,
	TALK_CSR = 6,
	TALK_CHAIN = 7,
	TALK_DESCRIPTION = 16, /* JSON */
	TALK_END = 17,         /* JSON */
	TALK_FRAME = 18,
	TALK_BYTES = 19,
	TALK_TEXT = 20,
	TALK_DONE = 21,
	TALK_REFUSED = 22, /* 1: by what was asked, 0: not; then why, for people */
};

struct talk {
	enum talk_type type;
	union {
		uint32_t grace_ms;
		bool follow;
		struct ss_span body; /* of CSR, CHAIN and the answers; empty for DONE */
	};
};

/* As frame_read(): 1 = *ret and *ret_size, 0 = more is needed, -1 = the form is broken. */
SS_MUST_CHECK SS_NONNULL int talk_read(struct ss_span in, struct talk *ret, size_t *ret_size,
				       struct ss_err *err);
/* Appends. A body over the limit is cut. */
SS_NONNULL void talk_write(const struct talk *t, struct ss_buf *b);
