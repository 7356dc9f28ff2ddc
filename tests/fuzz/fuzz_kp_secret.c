/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Senders of secrets, in an order of theirs: each step is three bytes, what, whose and which, and
 * for a body its length in two bytes and its bytes. Beside it goes a model: who is named for a name
 * has it taken once, within its bounds, and what init gets is what was sent; nobody else gets
 * anything but 403, and what is dropped is wiped.
 */
#include "base/mem.h"
#include "base/text.h"
#include "keyplane/kp_secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMES 3u

static const struct {
	const char *name;
	uint8_t from; /* all bytes of it */
	bool file;
} rows[NAMES] = { { "A", 1, false }, { "F", 1, true }, { "B", 2, true } };

static struct kp_secrets s;
static uint8_t raw[NAMES * 128];
static int init;

/* The values that are being received, as the model has them. */
static struct slot {
	struct kp_value *v;
	unsigned index;
	size_t want;
} slots[KP_SECRETS_AT_ONCE];
static bool taken[NAMES];

static void must(bool good)
{
	if (!good)
		abort();
}

static void begin_world(void)
{
	struct ss_buf b = SS_BUF_OVER(raw);
	uint8_t from[MC_SECRET_FROM];
	struct ss_err err = { 0 };
	int pair[2];

	for (size_t i = 0; i < NAMES; i++) {
		memset(from, rows[i].from, sizeof(from));
		mc_put_secret(&b, &(struct mc_secret){ .name = ss_text(rows[i].name),
						       .from = { from, sizeof(from) },
						       .file = rows[i].file });
	}
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	init = pair[0];
	must(kp_secrets_init(&s, (struct mc_list){ ss_buf_span(&b), NAMES }, pair[1], &err) == 0);
	memset(slots, 0, sizeof(slots));
	memset(taken, 0, sizeof(taken));
}

static void end_world(void)
{
	(void)close(init);
	(void)close(s.fd);
}

static struct slot *free_slot(void)
{
	for (size_t i = 0; i < KP_SECRETS_AT_ONCE; i++)
		if (slots[i].v == NULL)
			return &slots[i];
	return NULL;
}

static unsigned judge_begin(uint8_t who, unsigned index, size_t n, const struct slot *place)
{
	if (index >= NAMES || rows[index].from != who)
		return 403;
	if (taken[index])
		return 409;
	if (n > (rows[index].file ? 65536u : 32768u))
		return 413;
	return place != NULL ? 200 : 503;
}

static void begin(uint8_t who, unsigned index, size_t n)
{
	const char *name = index < NAMES ? rows[index].name : "C";
	struct slot *place = free_slot();
	struct kp_value *v = NULL;
	uint8_t from[MC_SECRET_FROM];
	unsigned status;

	memset(from, who, sizeof(from));
	status = kp_secret_begin(&s, (struct ss_span){ from, sizeof(from) }, ss_text(name), n, &v);
	must(status == judge_begin(who, index, n, place));
	must((status == 200) == (v != NULL));
	if (v == NULL)
		return;
	must(v->want == n && v->n == 0 && ss_is(kp_secret_name(&s, v), name));
	*place = (struct slot){ v, index, n };
}

static bool is_wiped(const struct kp_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v->bytes[i] != 0)
			return false;
	return !v->is_used;
}

/* The body, whole: `pattern` again and again. */
static void finish(struct slot *x, struct ss_span pattern)
{
	static uint8_t message[SECRET_MESSAGE_MAX + 1];
	AUTO_FREE uint8_t *sent = ss_calloc(x->want, 1);
	struct secret_head head;
	unsigned status, want = 204;
	ssize_t n;

	for (size_t i = 0; i < x->want; i++)
		sent[i] = pattern.n > 0 ? pattern.p[i % pattern.n] : 'x';
	memcpy(x->v->bytes, sent, x->want);
	x->v->n = x->want;
	if (taken[x->index])
		want = 409;
	else if (!rows[x->index].file && memchr(sent, 0, x->want) != NULL)
		want = 400;
	status = kp_secret_end(&s, x->v);
	must(status == want && is_wiped(x->v, x->want));
	n = recv(init, message, sizeof(message), MSG_DONTWAIT);
	must((n > 0) == (status == 204));
	if (n > 0) {
		memcpy(&head, message, sizeof(head));
		must((size_t)n == sizeof(head) + x->want && head.n == x->want &&
		     head.index == x->index);
		must(memcmp(message + sizeof(head), sent, x->want) == 0);
		taken[x->index] = true;
	}
	x->v = NULL;
}

/* Its connection ended within the body. */
static void drop(struct slot *x, struct ss_span part)
{
	struct kp_value *v = x->v;
	const size_t n = part.n < x->want ? part.n : x->want;

	if (n > 0)
		memcpy(v->bytes, part.p, n);
	v->n = n;
	kp_secret_drop(v);
	must(is_wiped(v, n));
	x->v = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_cur c = ss_cur_init((struct ss_span){ data, size });

	begin_world();
	while (ss_cur_left(&c) >= 5) {
		const uint8_t what = ss_cur_u8(&c), who = ss_cur_u8(&c), which = ss_cur_u8(&c);
		const size_t n = ss_cur_be16(&c);
		struct slot *x = &slots[which % KP_SECRETS_AT_ONCE];
		size_t left = ss_cur_left(&c);
		struct ss_span body;

		if (what % 3 == 0) { /* past the limit of 16 bits, too */
			begin(who, which, n + (what >= 192 ? 1u : 0));
			continue;
		}
		body = ss_cur_take(&c, n < left ? n : left);
		if (x->v == NULL)
			continue;
		if (what % 3 == 1)
			finish(x, body);
		else
			drop(x, body);
	}
	for (size_t i = 0; i < KP_SECRETS_AT_ONCE; i++)
		if (slots[i].v != NULL)
			kp_secret_drop(slots[i].v);
	end_world();
	return 0;
}
