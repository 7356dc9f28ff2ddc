/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * Frames between an enclave and its host: docs/formats/vsock.md. Pure: bytes to structs and back,
 * no allocation; spans borrow from the bytes given. Both sides use it, and each takes the other for
 * hostile: a body is refused unless it is exactly what its type says.
 */
#define FRAME_HEAD 8u
#define FRAME_MAX_BODY 65536u
#define FRAME_MAX_TEXT 1024u /* reasons */
#define FRAME_MAX_LINE 8192u
#define FRAME_MAX_NAME 253u
#define FRAME_MAX_NAMES 16u /* of a CSR_ASK */
#define FRAME_MAX_NAMES_TEXT (1u + FRAME_MAX_NAMES * 254u)
#define FRAME_MAX_CSR 4096u
#define FRAME_MAX_CHAIN 16384u /* all parts of it */
#define FRAME_MAX_PART 8192u
#define FRAME_VERSION 1u

#define FRAME_PORT_HEARTBEAT 9000u
#define FRAME_PORT_CONTROL 9001u
#define FRAME_PORT_RESERVED_LAST 9015u
#define FRAME_PORT_UDP 65536u /* added to the port of an ingress of datagrams */

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_TIME = 2,
	FRAME_STOP = 3,
	FRAME_SCRAPE = 4,
	FRAME_CSR_ASK = 5,
	FRAME_CHAIN = 6,
	FRAME_WELCOME = 16,
	FRAME_STATE = 17,
	FRAME_LOG = 18,
	FRAME_LOST = 19,
	FRAME_METRICS = 20,
	FRAME_EXIT = 21,
	FRAME_CSR = 22,
	FRAME_CHAIN_SAID = 23,
	FRAME_OPEN = 32,
	FRAME_OPENED = 33,
};

enum frame_state {
	FRAME_STARTING,
	FRAME_READY,
	FRAME_FAILING,
	FRAME_DRAINING,
	FRAME_RESTARTING,
	FRAME_WAITING, /* not started yet: for secrets */
	FRAME_STATE_LAST = FRAME_WAITING,
};

enum frame_source { FRAME_STDOUT = 1, FRAME_STDERR = 2, FRAME_RUNTIME = 3, FRAME_DATAPLANE = 4 };
#define FRAME_LINE_GOES_ON 1u

enum frame_end { FRAME_EXITED, FRAME_SIGNALLED, FRAME_STOPPED };

enum frame_transport { FRAME_TCP = 6, FRAME_UDP = 17, FRAME_DNS = 53 };
enum frame_address { FRAME_NO_ADDRESS = 0, FRAME_NAME = 1, FRAME_IPV4 = 4, FRAME_IPV6 = 6 };

enum frame_opened {
	FRAME_OPEN_OK,
	FRAME_OPEN_NOT_ALLOWED, /* the host's own copy of the list says no */
	FRAME_OPEN_NO_NAME,     /* the name does not exist */
	FRAME_OPEN_REFUSED,     /* connection refused */
	FRAME_OPEN_UNREACHABLE,
	FRAME_OPEN_TIMED_OUT,
	FRAME_OPEN_BUSY, /* a limit of the host */
	FRAME_OPEN_LAST = FRAME_OPEN_BUSY,
};

/* What became of a part of a chain. */
enum frame_said {
	FRAME_CHAIN_TAKEN, /* the whole of it is served */
	FRAME_CHAIN_FORM,
	FRAME_CHAIN_KEY,   /* it is not for the enclave's key */
	FRAME_CHAIN_LIMIT, /* too many certificates */
	FRAME_CHAIN_ORDER,
	FRAME_CHAIN_GOES_ON, /* the next part, please */
	FRAME_CHAIN_NO_KEY,  /* there is no NSM, so nothing can be attested */
	FRAME_CHAIN_LAST = FRAME_CHAIN_NO_KEY,
};

struct frame {
	enum frame_type type;
	union {
		struct {
			uint32_t egress_port;
			uint64_t time_ns;
		} hello;
		uint64_t time_ns;
		uint32_t grace_ms;
		uint64_t memory; /* WELCOME */
		struct {
			enum frame_state state;
			struct ss_span reason;
		} state;
		struct {
			enum frame_source source;
			uint8_t flags;
			uint64_t time_ns;
			struct ss_span text;
		} log;
		struct {
			uint64_t lines, bytes;
		} lost;
		struct ss_span metrics;
		struct {
			enum frame_end kind;
			uint8_t value; /* exit status, signal, or runtime code */
			struct ss_span reason;
		} exit;
		struct {
			enum frame_transport transport;
			enum frame_address kind;
			uint16_t port;
			struct ss_span address;
		} open;
		enum frame_opened opened;
		struct ss_span names; /* CSR_ASK: their number, then each behind its length */
		struct {
			uint32_t offset, total;
			struct ss_span part;
		} chain;
		struct ss_span csr; /* empty: there is none to be had */
		enum frame_said said;
	};
};

/*
 * The frame at the start of `in`. 1 = *ret holds it and *ret_size says how many bytes it takes;
 * 0 = not all of it is there yet (never for more than FRAME_HEAD + FRAME_MAX_BODY bytes);
 * -1 = the stream breaks the form. What is wrong with a head is told before its body came.
 */
SS_MUST_CHECK SS_NONNULL int frame_read(struct ss_span in, struct frame *ret, size_t *ret_size,
					struct ss_err *err);
/*
 * Appends the whole frame, or latches `b` bad and appends nothing: where it does not fit, and for
 * an OPEN, names, a chain or a request that nobody could read. Another text over its limit is cut
 * (metrics behind their last whole line), so what is written is readable as long as numbers are in
 * their ranges.
 */
SS_NONNULL void frame_write(const struct frame *f, struct ss_buf *b);
/*
 * The next of the names of a CSR_ASK, `*at` being its place in `names`, 0 before the first. False:
 * there is no other. Only of names that were read or that frame_is_names() finds to be some.
 */
SS_MUST_CHECK SS_NONNULL bool frame_next_name(struct ss_span names, size_t *at,
					      struct ss_span *ret);
SS_MUST_CHECK bool frame_is_names(struct ss_span names);
/* What may stand there: a name as in fmt/egress.h, without a dot at its end, perhaps behind "*.".
 */
SS_MUST_CHECK bool frame_is_dns_name(struct ss_span name);
/* "ready", "connection refused" … for people and metrics. */
const char *frame_state_name(enum frame_state s);
const char *frame_opened_name(enum frame_opened s);
