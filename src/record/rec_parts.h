/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "io/doors.h"
#include "record/rec_head.h"
#include "record/rec_names.h"
#include "record/rec_tls.h"
#include "record/rec_url.h"
#include "record/recorder.h"

/* What the files of the recorder share: a connection, a request, an answer. */

#define REC_URL_ROOM ((size_t)CFG_INPUT_URL_MAX * 4) /* escaped, with its NUL */

struct rec_conn {
	struct recorder *r;
	int fd;
	size_t step;         /* whose door it came through; REC_STEPS_MAX = none's */
	struct ss_buf in;    /* what was read and not used */
	size_t used;         /* of it */
	struct rec_tls *tls; /* behind a CONNECT, else NULL; */
	char *origin;        /* then "https://host:port" */
	bool led;            /* here by its address, not by a proxy's */
	bool part;           /* a stream of another: what is behind it is known */
	char *where;         /* then, without TLS, for requests that name no host */
};

/* More bytes into c->in: 1, or 0 at the end or after a failure. */
SS_NONNULL bool rec_conn_more(struct rec_conn *c);
/* Bytes that are there, without taking them. */
SS_NONNULL struct ss_span rec_conn_have(const struct rec_conn *c);
SS_NONNULL void rec_conn_take(struct rec_conn *c, size_t n);
/* False: the step has gone. */
SS_MUST_CHECK SS_NONNULL bool rec_conn_put(struct rec_conn *c, struct ss_span s);

struct rec_request {
	struct rec_head head; /* spans into `raw` */
	struct ss_buf raw;    /* the head's bytes */
	struct ss_buf real;   /* URL, terminated */
	struct ss_buf plain;  /* the same without secrets */
	char method[8];
	char key[REC_KEY];
	int body_fd; /* a spool; -1 = none */
	uint64_t body_size;
	bool authorized;
};

SS_NONNULL void rec_request_done(struct rec_request *q);

enum { REC_ENDED = 0, REC_ASKED = 1, REC_CONNECT = 2 };
/* -1: refused, *err says why, and the connection must end. */
SS_MUST_CHECK SS_NONNULL int rec_request_read(struct rec_conn *c, struct rec_request *q,
					      struct ss_err *err);

/* --- answers -------------------------------------------------------------------------------------
 */

/* A refusal of ours: plain text, never recorded. `status` 400 … 599. */
SS_MUST_CHECK SS_NONNULL bool rec_send_refusal(struct rec_conn *c, const struct rec_request *q,
					       unsigned status, const char *why);
/* The head that an entry makes. `range` NULL = the whole. */
SS_MUST_CHECK bool rec_send_head(struct rec_conn *c, const struct rec_request *q,
				 const struct cfg_input *in, const struct rec_range *range);
/* Head and body, from the object at `fd` (-1: there is none): the whole or what was asked for. */
SS_MUST_CHECK SS_NONNULL bool rec_send_answer(struct rec_conn *c, const struct rec_request *q,
					      const struct cfg_input *in, int fd);
/* True if a part of the body is wanted, or no head may go out before the body is whole. */
SS_MUST_CHECK SS_NONNULL bool rec_has_body(const struct rec_request *q, unsigned status);

/* --- what all ask the recorder for: rec_state.c --------------------------------------------------
 */

const struct rec_config *rec_config_of(const struct recorder *r);
struct rec_tape *rec_tape_of(const struct recorder *r);
const struct rec_authority *rec_authority_of(const struct recorder *r);
struct rec_names *rec_names_in(const struct recorder *r);
bool rec_is_stopping(const struct recorder *r);

/* --- what is told and counted: rec_told.c --------------------------------------------------------
 */

/* "METHOD URL: why" to the config's problem(). */
SS_NONNULL void rec_tell(struct recorder *r, const struct rec_request *q, const char *why);
/* The same for what is no request: said when it happens first, and how often at the end. */
SS_NONNULL void rec_refused(struct recorder *r, const char *line);
/* An answer of so many bytes; `cached`: nobody was asked for it. */
SS_NONNULL void rec_count(const struct rec_conn *c, uint64_t bytes, bool cached);
SS_NONNULL void rec_count_failure(const struct rec_conn *c);
SS_NONNULL void rec_count_refusal(struct recorder *r, size_t step);

/* --- redirects to URLs with secrets: rec_alias.c -------------------------------------------------
 */

/* Steps see `plain`, the recorder asks for `real`. */
SS_NONNULL void rec_alias_add(struct recorder *r, const char *plain, const char *real);
/* Appends the URL to ask for, terminated, instead of `plain`; false: there is none. */
SS_NONNULL bool rec_alias_find(struct recorder *r, const char *plain, struct ss_buf *ret);

/* --- one request: rec_fetch.c, rec_request.c -----------------------------------------------------
 */

/* Asks the server, and answers. False, here and below: the connection must end. */
SS_MUST_CHECK SS_NONNULL bool rec_record(struct rec_conn *c, struct rec_request *q);
/* The same for the body of an entry, which it must be. */
SS_MUST_CHECK SS_NONNULL bool rec_fetch_again(struct rec_conn *c, struct rec_request *q,
					      const struct cfg_input *want);
/* Answers a CONNECT and goes on in TLS. */
SS_MUST_CHECK SS_NONNULL bool rec_connect(struct rec_conn *c, const struct rec_request *q);
/* Makes the connection one to "host:port" over TLS; ret: the host alone. */
SS_MUST_CHECK SS_NONNULL int rec_origin_set(struct rec_conn *c, struct ss_span where,
					    char ret_host[256], struct ss_err *err);

/* --- connections: rec_serve.c, rec_led.c, rec_h2.c, rec_slots.c ----------------------------------
 */

/* One, until it ends: plays or records what it asks for. */
SS_NONNULL void rec_serve(struct rec_conn *c);
/* Looks at what a connection begins with that was led here. False: it must end. */
SS_MUST_CHECK SS_NONNULL bool rec_led(struct rec_conn *c);
/* HTTP/2, until the connection ends. */
SS_NONNULL void rec_h2_serve(struct rec_conn *c);
/* Serves a connection in a thread of its own; it is the recorder's from here on. */
SS_NONNULL void rec_begin(struct recorder *r, int fd, size_t step, bool led);
/* The same for one request of a connection with several at once; false: not now, and it is not
 * taken. */
SS_MUST_CHECK SS_NONNULL bool rec_begin_part(const struct rec_conn *c, int fd);
/* For as long as a step may be silent. */
void rec_patience(int fd);

/* --- steps: rec_step.c ---------------------------------------------------------------------------
 */

struct rec_step;

/* Takes the descriptors, and closes them on failure too. */
SS_MUST_CHECK SS_NONNULL struct rec_step *
rec_step_new(struct recorder *r, size_t step, const int doors[IO_DOORS], struct ss_err *err);
void rec_step_free(struct rec_step *s);
