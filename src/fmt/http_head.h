/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * The heads of HTTP/1.1 messages as the attestation service and its client speak it. Strict where
 * readers are known to differ (docs/formats/endpoint.md, "A strict head"), so a head that is taken
 * here means the same to everybody. Pure; everything is borrowed from `in`.
 *
 * A part of a head is never judged otherwise than the whole: more bytes turn 0 into 1 or -1, and
 * nothing else.
 */
#define HTTP_HEAD_MAX 8192u
#define HTTP_MAX_TARGET 4096u
#define HTTP_MAX_METHOD 16u
#define HTTP_MAX_HEADERS 64u

struct http_request {
	struct ss_span method;
	struct ss_span path;  /* of the target, up to the first '?' */
	struct ss_span query; /* behind it; p = NULL: there is none */
	bool has_length;
	bool has_upgrade;
	uint64_t length; /* Content-Length: of the body, which is not read here; 0 where not told */
};

struct http_answer {
	unsigned status;     /* 200 … 599 */
	struct ss_span type; /* Content-Type; p = NULL: not told */
	bool has_location;
	bool has_length;
	uint64_t length; /* Content-Length */
};

/*
 * 1 = read, *ret_size bytes; 0 = more is needed; -1 = refused: SS_ELIMIT for a head that is too
 * long, SS_EINPUT for all else.
 */
SS_MUST_CHECK SS_NONNULL int http_request_read(struct ss_span in, struct http_request *ret,
					       size_t *ret_size, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int http_answer_read(struct ss_span in, struct http_answer *ret,
					      size_t *ret_size, struct ss_err *err);

/* Takes the next pair off the front of a query: false = it is empty. A pair without '=' has a value
 * whose p is NULL. Nothing is unescaped. */
SS_NONNULL bool http_query_next(struct ss_span *query, struct ss_span *ret_name,
				struct ss_span *ret_value);

enum http_look { HTTP_LOOK_OTHER, HTTP_LOOK_MORE, HTTP_LOOK_OURS };

/*
 * Whether the first bytes of a connection are a GET of `path`, whatever its query. MORE only as
 * long as they can become one: with strlen(path) + 5 bytes it is decided.
 */
SS_MUST_CHECK SS_NONNULL enum http_look http_look(struct ss_span in, const char *path);

SS_MUST_CHECK SS_NONNULL bool http_is(struct ss_span s, const char *text);
/* Letters of either case: names of headers, media types. */
SS_MUST_CHECK SS_NONNULL bool http_is_nocase(struct ss_span s, const char *lower);
