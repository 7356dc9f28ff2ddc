/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/field.h"

/*
 * [[input]] of enclave.lock: what a RUN step fetched, one entry for each answer. Together with the
 * body, which the store of inputs keeps under its SHA-256, an entry is all that a step sees of a
 * server: status, media type, size, and the few headers that a program may depend on. So an answer
 * that is played back is the same bytes as the one that was recorded.
 *
 * Sorted by URL, method, key and turn; no two entries have all four in common.
 */
#define CFG_INPUTS_MAX 32768u
#define CFG_INPUT_URL_MAX 4096u
#define CFG_INPUT_HEADERS_MAX 32u
#define CFG_INPUT_HEADER_MAX 4096u

struct cfg_input {
	char *key; /* SHA-256 of what else chose the answer (docs/formats/inputs.md); NULL = none */
	char *method;    /* "GET", "HEAD", "POST" */
	char *sha256;    /* of the body; NULL with HEAD */
	uint64_t size;   /* of the body; with HEAD what the server told, 0 = nothing */
	uint64_t status; /* 200 … 599 */
	uint64_t turn;   /* the first request of its kind that got this answer; 0 = 1, 2 … */
	char *type;      /* media type; NULL = the server told none */
	char *url;       /* without fragment, user and secrets */
	struct cfg_texts headers; /* "location: …", sorted by name */
};

extern const struct cfg_field cfg_input_fields[];

/* By URL, method, key and turn. */
SS_MUST_CHECK SS_NONNULL int cfg_input_compare(const struct cfg_input *a,
					       const struct cfg_input *b);

/* Appends a copy; the order is made when the list is written. */
SS_NONNULL void cfg_inputs_add(struct cfg_list *l, const struct cfg_input *in);
/* Into the order of the file; twins are an error that names the URL. */
SS_MUST_CHECK SS_NONNULL int cfg_inputs_sort(struct cfg_list *l, struct ss_err *err);
SS_NONNULL void cfg_inputs_done(struct cfg_list *l);

/* "http://host/…" or "https://host/…", printable ASCII without blanks and quotes, lower case where
 * case does not count, no user, no fragment. */
SS_MUST_CHECK SS_NONNULL bool cfg_is_input_url(const char *s);
