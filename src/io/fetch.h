/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * One exchange with a web server, streamed: http and https, HTTP/1.1 or 2, certificates checked
 * against the system's roots, proxies as the environment has them. Redirects are answers, not
 * followed; nothing is decoded but the transfer itself; no cookies, no .netrc. What is shorter or
 * longer than the server said fails. Any number of threads, each with its own exchange.
 */
struct io_fetch {
	const char *method; /* "GET", "HEAD", "POST" */
	const char *url;
	const char *const
		*headers; /* "Name: value", NULL-terminated; no others are sent but Host */
	int body_fd;      /* -1 = no body; from its start, */
	uint64_t body_size;
	const char *ca_file;        /* roots instead of the system's; NULL = the system's */
	unsigned stall_s;           /* no byte for so long is a failure; 0 = 60 */
	bool (*stopped)(void *ctx); /* may be NULL; asked about once a second */
	/* Asked about each address before it is connected to, also when a name has several; may be
	 * NULL. One that fails is left out; its error is the exchange's if no other is left. A
	 * proxy of the environment is connected to all the same. 16 bytes: io/address.h. */
	int (*reach)(void *ctx, const uint8_t *address, struct ss_err *err);
	/* Each may fail, which ends the exchange with its error. */
	int (*field)(void *ctx, struct ss_span name, struct ss_span value, struct ss_err *err);
	int (*begin)(void *ctx, unsigned status, bool has_length, uint64_t length,
		     struct ss_err *err);
	int (*bytes)(void *ctx, struct ss_span bytes, struct ss_err *err);
	void *ctx;
};

/* SS_EREMOTE, unless a callback failed: then that error. */
SS_MUST_CHECK SS_NONNULL int io_fetch_run(const struct io_fetch *f, struct ss_err *err);
