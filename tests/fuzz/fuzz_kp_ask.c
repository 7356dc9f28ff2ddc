/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the door, the rest a request: what is asked for is within its bounds, and an
 * ask that is written again is the same ask. */
#include "base/hex.h"
#include "base/text.h"
#include "fmt/measured.h"
#include "keyplane/kp_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void put_hex(char *to, size_t room, const char *name, const uint8_t *p, size_t n)
{
	static char hex[2 * KP_MAX_USER_DATA + 1];
	const size_t at = strlen(to);

	ss_hex((struct ss_span){ p, n }, hex);
	must(snprintf(to + at, room - at, "%c%s=%s", strchr(to, '?') == NULL ? '?' : '&', name,
		      hex) > 0);
}

static const char *path_of(enum kp_door door, const struct kp_ask *a)
{
	static char path[128];

	switch (a->want) {
	case KP_WANT_DOCUMENT:
		return door == KP_DOOR_PATH ? KP_PATH_WELL_KNOWN : KP_PATH_SERVICE;
	case KP_WANT_CERTIFICATE:
		return KP_PATH_CERTIFICATE;
	case KP_WANT_RECIPIENT:
	case KP_WANT_UNWRAP:
		return KP_PATH_RECIPIENT;
	case KP_WANT_SECRET:
		(void)snprintf(path, sizeof(path), "%s%.*s", KP_PATH_SECRETS, (int)a->name.n,
			       (const char *)a->name.p);
		return path;
	}
	abort();
}

static const char *method_of(enum kp_want want)
{
	if (want == KP_WANT_SECRET)
		return "PUT";
	return want == KP_WANT_UNWRAP ? "POST" : "GET";
}

/* The same words in an order of ours. */
static void check_again(enum kp_door door, const struct kp_ask *a)
{
	static char text[HTTP_HEAD_MAX];
	static struct kp_ask b;
	struct http_request r;
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)snprintf(text, sizeof(text), "%s %s", method_of(a->want), path_of(door, a));
	if (a->has_public_key)
		put_hex(text, sizeof(text), "public_key", a->public_key, a->n_public_key);
	if (a->has_user_data)
		put_hex(text, sizeof(text), "user_data", a->user_data, a->n_user_data);
	if (a->has_nonce)
		put_hex(text, sizeof(text), "nonce", a->nonce, a->n_nonce);
	if (a->has_key)
		put_hex(text, sizeof(text), "key", a->key, a->n_key);
	n = strlen(text);
	(void)snprintf(text + n, sizeof(text) - n,
		       " HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", a->n_body);
	must(http_request_read(ss_text(text), &r, &n, &err) == 1);
	must(kp_ask_read(door, &r, &b) == 200);
	must(a->name.n == b.name.n &&
	     (a->name.n == 0 || memcmp(a->name.p, b.name.p, a->name.n) == 0));
	b.name = a->name;
	must(a->want == b.want && a->n_body == b.n_body && a->n_nonce == b.n_nonce &&
	     a->n_user_data == b.n_user_data && a->n_public_key == b.n_public_key);
	must(memcmp(a->nonce, b.nonce, sizeof(b.nonce)) == 0 &&
	     memcmp(a->user_data, b.user_data, sizeof(b.user_data)) == 0 &&
	     memcmp(a->public_key, b.public_key, sizeof(b.public_key)) == 0 &&
	     memcmp(a->key, b.key, sizeof(b.key)) == 0);
}

static void check_ask(enum kp_door door, const struct kp_ask *a)
{
	const bool local = door == KP_DOOR_LOCAL;

	must(a->allow == NULL);
	must(a->n_nonce <= KP_MAX_NONCE && a->n_user_data <= KP_MAX_USER_DATA);
	must(a->n_public_key <= KP_MAX_PUBLIC_KEY && a->n_body <= MC_MAX_SECRET);
	must(local || (!a->has_user_data && !a->has_public_key && !a->has_key));
	must(local || a->want == KP_WANT_DOCUMENT || a->want == KP_WANT_SECRET);
	must(local || a->want != KP_WANT_DOCUMENT || a->n_nonce == KP_NONCE);
	must((a->want == KP_WANT_SECRET) == (a->name.n > 0));
	must(a->want != KP_WANT_SECRET || (door == KP_DOOR_SENDER && mc_is_secret_name(a->name)));
	must(a->want != KP_WANT_UNWRAP || (a->n_key == KP_KEY && a->n_body > 0));
	must(a->want != KP_WANT_RECIPIENT || !a->has_public_key);
	check_again(door, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kp_ask a;
	struct http_request r;
	struct ss_err err = { 0 };
	enum kp_door door;
	size_t n = 0;
	unsigned status;

	if (size == 0 ||
	    http_request_read((struct ss_span){ data + 1, size - 1 }, &r, &n, &err) != 1)
		return 0;
	door = (enum kp_door)(data[0] % (KP_DOOR_SENDER + 1u));
	status = kp_ask_read(door, &r, &a);
	must(status == 200 || status == 400 || status == 404 || status == 405 || status == 413);
	must((status == 405) == (a.allow != NULL));
	if (status == 200)
		check_ask(door, &a);
	return 0;
}
